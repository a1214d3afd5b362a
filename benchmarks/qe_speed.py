"""Segments per second of quality estimation beside COMET's predict loop, with encoders of the same size.

    python -m benchmarks.qe_speed segments=500 layers=12 width=768 [comet_python=.venv-comet/bin/python]

Both sides get random weights of the same XLM-R configuration and vocabulary (speed does not depend on what was learned)
and the same texts: word-level scores of source and translation together. Ours sorts by length and fills batches by
pieces. COMET's loop is `UnifiedMetric.predict` of the `unbabel-comet` that the other environment holds; without one its
line says that it was not run. The two sides take turns, `rounds` times, in processes of their own.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipeline.errors import InputError
from scripts.command_line import argument, run

VOCABULARY: Final = 8000
COMET: Final = """
import json, sys, time
import torch
folder, texts, batch_size, threads = sys.argv[1], json.load(open(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
from comet.models import UnifiedMetric
model = UnifiedMetric(
    encoder_model="XLM-RoBERTa", pretrained_model=folder, load_pretrained_weights=False, sent_layer="mix",
    layer_transformation="softmax", word_layer=int(sys.argv[5]), hidden_sizes=[512], activations="Tanh",
    input_segments=["mt", "src"], word_level_training=True, error_labels=["minor", "major", "critical"],
    word_weights=[0.1, 1.0, 1.0, 1.0],
)
model.eval()
samples = [{"src": source, "mt": target} for source, target in texts]
model.predict(samples[:batch_size], batch_size=batch_size, gpus=0, num_workers=0, progress_bar=False)
started = time.perf_counter()
model.predict(samples, batch_size=batch_size, gpus=0, num_workers=0, progress_bar=False)
print("SECONDS", time.perf_counter() - started)
"""


@dataclass(frozen=True)
class Arguments:
    """Arguments of the command line."""

    segments: int = argument("pairs of texts", default=300)
    layers: int = argument("of the encoder", default=12)
    width: int = argument("of the encoder", default=768)
    batch_tokens: int = argument("padded pieces in a batch of ours", default=4096)
    comet_batch: int = argument("segments in a batch of COMET's; 16 is its command line's default", default=16)
    threads: int = argument("of both sides", default=1)
    rounds: int = argument("times that each side runs, in turn; the best counts", default=3)
    comet_python: str = argument("Python of an environment with unbabel-comet; empty: not run", default="")
    seed: int = argument("of the texts", default=1)


def main(arguments: Arguments) -> None:
    """Run both sides and print a JSON line."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = made_texts(arguments.segments, arguments.seed)
        (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        make_encoder(folder / "encoder", texts, arguments)
        ours, theirs = [], []
        for _ in range(arguments.rounds):
            ours.append(len(texts) / our_seconds(folder / "encoder", texts, arguments))
            if arguments.comet_python:
                theirs.append(len(texts) / comet_seconds(folder, arguments))
    comet: Any = round(max(theirs), 2) if theirs else "not run: give comet_python=PATH"
    result = {
        "segments": len(texts),
        "layers": arguments.layers,
        "width": arguments.width,
        "threads": arguments.threads,
    }
    print(json.dumps({**result, "ours_per_second": round(max(ours), 2), "comet_per_second": comet}))
    if theirs:
        print(f"ratio {max(ours) / max(theirs):.2f}")


def made_texts(count: int, seed: int) -> list[tuple[str, str]]:
    """Pairs of made-up sentences; lengths spread as in news: log-normal, median 20 words."""
    draw = np.random.default_rng(seed)
    words = ["".join(draw.choice(list("abcdefghijklmnopqrstuvwxyz"), int(draw.integers(2, 9)))) for _ in range(3000)]
    sizes = np.clip(draw.lognormal(np.log(20), 0.6, count), 2, 100).astype(int)
    return [
        (" ".join(draw.choice(words, n)), " ".join(draw.choice(words, max(1, n + int(draw.integers(-2, 4))))))
        for n in sizes
    ]


def make_encoder(folder: Path, texts: list[tuple[str, str]], arguments: Arguments) -> None:
    """An XLM-R of random weights with a tokenizer that both sides can load."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([text for pair in texts for text in pair], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"), special, strict=True))
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, cls_token="<s>", sep_token="</s>", **names)
    torch.manual_seed(arguments.seed)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer.get_vocab()), hidden_size=arguments.width, num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.width // 64, intermediate_size=4 * arguments.width, max_position_embeddings=514,
        pad_token_id=1,
    )  # fmt: skip
    XLMRobertaModel(config).save_pretrained(folder)
    fast.save_pretrained(folder)


def our_seconds(folder: Path, texts: list[tuple[str, str]], arguments: Arguments) -> float:
    """Seconds of our scorer, warmed up."""
    import torch

    from qe_model.config import QEModelConfig
    from qe_model.decisions import Decisions
    from qe_model.model import build_model
    from qe_model.saving import checkpoint_tokenizer, input_encoder
    from qe_model.scoring import QualityScorer, make_pair

    torch.set_num_threads(arguments.threads)
    model = build_model(QEModelConfig(encoder=str(folder), predictor="none", max_length=510), None, arguments.seed)
    encoder = input_encoder(model, checkpoint_tokenizer(str(folder)))
    scorer = QualityScorer(model, encoder, Decisions(), batch_tokens=arguments.batch_tokens)
    pairs = [make_pair("en", "de", source, target) for source, target in texts]
    scorer.score(pairs[:16])
    started = time.perf_counter()
    scorer.score(pairs)
    return time.perf_counter() - started


def comet_seconds(folder: Path, arguments: Arguments) -> float:
    """Seconds of COMET's predict loop in its own environment.

    Raises:
        InputError: it failed; its last line is shown.
    """
    settings = (arguments.comet_batch, arguments.threads, arguments.layers)
    command = [arguments.comet_python, "-c", COMET, folder / "encoder", folder / "texts.json", *settings]
    environment = os.environ | {"OMP_NUM_THREADS": str(arguments.threads)}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment, check=False)
    seconds = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("SECONDS")]
    if not seconds:
        raise InputError(f"COMET failed: {(done.stderr.strip().splitlines() or ['no output'])[-1]}")
    return float(seconds[0])


if __name__ == "__main__":
    sys.exit(run(main, Arguments))
