"""The loader beside the trainer: target tokens/s of each, alternating in one process, and the ratios.

The loader makes the batches that training takes (sampling, rewriting, sorting, gathering, padding, tensors), once from
the store as it is and once with augmentations. The training step is the teacher's: forward, backward, clipping and
AdamW on batches of the same stream.

    python benchmarks/loader_speed.py [encoded=DIR] [depth=3] [batch_tokens=1024] [augmentations='{case: 0.1}']
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path

from parley.config.command_line import run
from training.batches.batch import Batch
from training.batches.bucketing import CHUNK_BATCHES
from training.batches.encoded import EncodedCorpus
from training.batches.encoding import EncodedConfig, EncodedStage
from training.batches.stream import BatchingConfig, BatchStream


@dataclass(frozen=True)
class Arguments:
    """What is measured; the defaults are those of `experiment=game_chat_small`.

    Attributes:
        encoded: folder of an encoded corpus (a run's `encoded` stage); empty: the demo corpus, made on the spot.
        depth: the teacher's dial; 0 measures the loader alone.
        batch_tokens: padded target tokens in a micro-batch.
        augmentations: share of messages for each, in the second of the loader's two measurements.
        chunks: planned by the loader in a round.
        train_batches: batches the trainer takes in a round.
        rounds: alternations.
        threads: of the trainer's operations; the loader uses one.
        device: where the trainer runs, cpu or cuda.
        seed: of the plan and the weights.
    """

    encoded: str = ""
    depth: int = 3
    batch_tokens: int = 1024
    augmentations: dict[str, float] = field(default_factory=lambda: {"mixed": 0.1, "concatenation": 0.1, "chat": 1.0})
    chunks: int = 2
    train_batches: int = 4
    rounds: int = 5
    threads: int = 1
    device: str = "cpu"
    seed: int = 1


def demo_store(folder: Path) -> Path:
    """The demo corpus, tokenized and encoded under `folder`."""
    from parley.corpus.demo import DemoConfig, compose_demo
    from parley.corpus.store import write_corpus
    from training.tokenizer import TokenizerConfig
    from training.tokenizer_stage import TokenizerStage

    inputs = {name: folder / name for name in ("corpus", "tokenizer", "encoded")}
    write_corpus(compose_demo(DemoConfig()), inputs["corpus"], DemoConfig().withhold_pairs)
    TokenizerStage(TokenizerConfig(vocab_size=6000, sample_rows=40_000)).run(inputs["tokenizer"], inputs)
    EncodedStage(EncodedConfig()).run(inputs["encoded"], inputs)
    return inputs["encoded"]


def teacher_step(encoded: EncodedCorpus, arguments: Arguments) -> Callable[[Batch], None]:
    """One training step of the teacher at the dial's size."""
    import torch

    from parley.languages.table import AUTO, LANGUAGES
    from training.model.modelling import ParleyMoeForConditionalGeneration
    from training.model.teacher_config import TeacherConfig

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    tags = {LANGUAGES[code].token: tag for code, tag in encoded.language_ids.items()}
    config = TeacherConfig(depth=arguments.depth).model_config(
        encoded.vocab_size, tags | {f"__{AUTO}__": encoded.auto_id}
    )
    model = ParleyMoeForConditionalGeneration(config)
    model.train()
    torch.nn.Module.to(model, arguments.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, foreach=True)
    print(f"teacher depth {arguments.depth}: {sum(p.numel() for p in model.parameters()) / 1e6:.1f} M parameters")

    def step(batch: Batch) -> None:
        with torch.autocast(arguments.device, torch.bfloat16, enabled=arguments.device != "cpu"):
            output = model(**batch.to(arguments.device).model_inputs())
        (output.loss_sum / batch.target_tokens).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if arguments.device != "cpu":
            torch.cuda.synchronize()

    return step


def rate(batches: Iterator[Batch], work: Callable[[Batch], None]) -> float:
    """Target tokens/s of taking the batches and working on each."""
    start, tokens = time.perf_counter(), 0
    for batch in batches:
        work(batch)
        tokens += batch.target_tokens
    return tokens / (time.perf_counter() - start)


def measure(folder: Path, arguments: Arguments) -> None:
    """Alternate, and print rates, fill and ratios."""
    encoded = EncodedCorpus.open(folder)
    plain = BatchingConfig(batch_tokens=arguments.batch_tokens, max_length=96, seed=arguments.seed)
    streams = {
        "loader": iter(BatchStream(encoded, plain)),
        "augmented": iter(BatchStream(encoded, replace(plain, augmentations=arguments.augmentations))),
    }
    step = teacher_step(encoded, arguments) if arguments.depth else None
    for batches in streams.values():
        for batch in islice(batches, 2):  # first plan, first allocation
            if step:
                step(batch)
    rates: dict[str, list[float]] = {"loader": [], "augmented": [], "trainer": []}
    sizes = {name: [0, 0, 0, 0] for name in streams}
    for _ in range(arguments.rounds):
        for name, batches in streams.items():
            made = islice(batches, arguments.chunks * CHUNK_BATCHES)
            rates[name].append(rate(made, partial(count, sizes=sizes[name])))
        if step:
            held = list(islice(streams["augmented"], arguments.train_batches))
            rates["trainer"].append(rate(iter(held), step))
    for name, filled in sizes.items():
        print(f"{name}: fill of targets {filled[0] / filled[1]:.3f}, of sources {filled[2] / filled[3]:.3f}")
    for name, found in rates.items():
        if found:
            print(f"{name:10}{middle(found, ',.0f')} target tokens/s")
    for name in streams if step else ():
        ratios = [fast / slow for fast, slow in zip(rates[name], rates["trainer"], strict=True)]
        print(f"{name} / trainer: {middle(ratios, '.0f')}")


def middle(values: list[float], form: str) -> str:
    """Median, least and greatest."""
    return f"{statistics.median(values):{form}} [{min(values):{form}}-{max(values):{form}}]"


def count(batch: Batch, sizes: list[int]) -> None:
    """Add up filled and padded tokens: target filled, target padded, source filled, source padded."""
    added = (batch.target_tokens, batch.labels.numel(), int(batch.attention_mask.sum()), batch.input_ids.numel())
    for index, number in enumerate(added):
        sizes[index] += number


def main(arguments: Arguments) -> None:
    """Measure the loader beside the teacher's training step."""
    if arguments.encoded:
        measure(Path(arguments.encoded), arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(demo_store(Path(folder)), arguments)


if __name__ == "__main__":
    run(main, Arguments)
