"""Segments per second of quality estimation beside COMET's predict loop, with encoders of the same size.

    python -m benchmarks.qe_speed segments=500 layers=12 width=768 [comet_python=.venv-comet/bin/python]

Both sides get random weights of the same XLM-R configuration and vocabulary (speed does not depend on what was learned)
and the same texts: word-level scores of source and translation together. Ours sorts by length, fills batches by pieces,
and runs in float32 and in bf16, which COMET's loop has no setting for: `UnifiedMetric.predict` of the `unbabel-comet`
that the other environment holds; without one its line says that it was not run. The sides take turns, `rounds` times.
With one thread seconds are of CPU time, so that other work on the machine does not count; else of the clock.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.alternating import Ratio
from parley.config.command_line import argument, run
from parley.pipeline.errors import InputError

VOCABULARY: Final = 8000
PRECISIONS: Final = ("fp32", "bf16")
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
    cross_entropy_weights=[0.1, 1.0, 1.0, 1.0],
)
model.eval()
samples = [{"src": source, "mt": target} for source, target in texts]
model.predict(samples[:batch_size], batch_size=batch_size, gpus=0, num_workers=0, progress_bar=False)
clock = time.process_time if threads == 1 else time.perf_counter
for _ in sys.stdin:
    started = clock()
    model.predict(samples, batch_size=batch_size, gpus=0, num_workers=0, progress_bar=False)
    print("SECONDS", clock() - started, flush=True)
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
    rounds: int = argument("times that each side runs, in turn", default=3)
    comet_python: str = argument("Python of an environment with unbabel-comet; empty: not run", default="")
    seed: int = argument("of the texts", default=1)


def main(arguments: Arguments) -> None:
    """Run the sides in turn and print a JSON line and the ratios."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as opened:
        folder = Path(name)
        texts = made_texts(arguments.segments, arguments.seed)
        (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        make_encoder(folder / "encoder", texts, arguments)
        sides: dict[str, Callable[[], float]] = {}
        for precision in PRECISIONS:
            sides[f"ours_{precision}"] = our_side(folder / "encoder", texts, arguments, precision)
        if arguments.comet_python:
            sides["comet"] = opened.enter_context(CometSide(folder, arguments)).seconds
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(arguments.rounds):
            for side, run_once in sides.items():
                seconds[side].append(run_once())
    shown = {key: getattr(arguments, key) for key in ("segments", "layers", "width", "threads", "rounds")}
    rates = {f"{side}_per_second": round(len(texts) / min(found), 2) for side, found in seconds.items()}
    print(json.dumps({**shown, **rates, **({} if "comet" in sides else {"comet": "not run: give comet_python=PATH"})}))
    for precision in PRECISIONS if "comet" in sides else ():
        print(f"ours in {precision} / COMET: {Ratio.of(seconds['comet'], seconds[f'ours_{precision}']):.2f}")


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


def our_side(folder: Path, texts: list[tuple[str, str]], arguments: Arguments, precision: str) -> Callable[[], float]:
    """A call that scores all texts and gives the seconds; warmed up."""
    import torch

    from qe_model.model.config import QEModelConfig
    from qe_model.model.estimator import build_model
    from qe_model.model.saving import checkpoint_tokenizer, input_encoder
    from qe_model.scoring.decisions import Decisions
    from qe_model.scoring.scorer import QualityScorer, make_pair

    torch.set_num_threads(arguments.threads)
    config = QEModelConfig(encoder=str(folder), max_length=510)
    model = build_model(config, None, arguments.seed).to(torch.bfloat16 if precision == "bf16" else torch.float32)  # type: ignore[arg-type]
    encoder = input_encoder(model, checkpoint_tokenizer(str(folder)))
    scorer = QualityScorer(model, encoder, Decisions(), batch_tokens=arguments.batch_tokens)
    pairs = [make_pair("en", "de", source, target) for source, target in texts]
    clock = time.process_time if arguments.threads == 1 else time.perf_counter

    def seconds() -> float:
        started = clock()
        scorer.score(pairs)
        return clock() - started

    scorer.score(pairs[:16])
    return seconds


class CometSide:
    """COMET's predict loop in a process of its own environment, kept open between rounds.

    Raises:
        InputError: it failed; its last line is shown.
    """

    def __init__(self, folder: Path, arguments: Arguments) -> None:
        settings = (arguments.comet_batch, arguments.threads, arguments.layers)
        command = [arguments.comet_python, "-c", COMET, folder / "encoder", folder / "texts.json", *settings]
        environment = os.environ | {"OMP_NUM_THREADS": str(arguments.threads)}
        self._errors = (folder / "comet.log").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
            env=environment,
        )  # fmt: skip

    def seconds(self) -> float:
        """One pass over the texts."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        for line in self._process.stdout:
            if line.startswith("SECONDS"):
                return float(line.split()[1])
        self._errors.seek(0)
        raise InputError(f"COMET failed: {(self._errors.read().strip().splitlines() or ['no output'])[-1]}")

    def __enter__(self) -> "CometSide":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._errors.close()


if __name__ == "__main__":
    sys.exit(run(main, Arguments))
