"""Decoding beside `generate` of the same model at batch 64: sentences/s in alternating rounds, and equal outputs.

    python benchmarks/decoding.py model=runs/game_chat_small/teacher testset=FILE [directions=en-fr,fr-en] [beams=1,4]

The test set is Parquet with a column per language, such as a corpus shard (its test rows count), read in file order.
`generate` gets batches of 64, unsorted, as its users write it, and sorted by length. All stop at the same length.
No forward of either side sees more than 64 messages.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from benchmarks.alternating import Ratio, alternate
from benchmarks.plain_generate import plain_generate
from parley.config.command_line import argument, run
from parley.decoding.translator import DecodingConfig
from parley.languages.table import pair
from parley.pipeline.newest import newest_artifact
from training.model.loading import Translator

BATCH, MOST_TOKENS = 64, 64
Request = tuple[str, str, str]  # text, source, target


@dataclass(frozen=True)
class Arguments:
    """What is decoded."""

    model: str = argument("folder of a teacher, or of the stage that trained it")
    testset: str = argument("Parquet file with a column per language")
    directions: list[str] = argument("directions", default=["en-fr", "fr-en"])
    messages: int = argument("messages of each direction at most", default=256)
    beams: list[int] = argument("beam sizes, each measured on its own; 1 is greedy", default=[1, 4])
    rounds: int = argument("timed rounds of every side", default=5)


def requests(file: str, directions: Sequence[str], messages: int) -> list[Request]:
    """The first messages of every direction that have both sides."""
    table = pq.read_table(file)
    if "split" in table.column_names:
        table = table.filter(pc.equal(table["split"], "test"))
    found: list[Request] = []
    for source, target in map(pair, directions):
        columns = zip(table[source].to_pylist(), table[target].to_pylist(), strict=True)
        texts = [text for text, other in columns if text and other]
        found += [(text, source, target) for text in texts[:messages]]
    return found


def compare(arguments: Arguments, beams: int) -> None:
    """Print sentences/s, ratios and the share of equal outputs for one beam size."""
    config = DecodingConfig(beams, max_new_tokens=MOST_TOKENS, length_factor=0.0, batch_size=BATCH)
    translator = Translator.load(newest_artifact(Path(arguments.model)), config)
    wanted = requests(arguments.testset, arguments.directions, arguments.messages)
    texts, sources, targets = ([request[field] for request in wanted] for field in range(3))
    sides: dict[str, Callable[[], list[str]]] = {
        "this": lambda: translator.translate_many(texts, sources, targets),
        "generate": lambda: plain_generate(translator, texts, sources, targets, beams, BATCH, MOST_TOKENS),
        "generate, sorted": lambda: plain_generate(
            translator, texts, sources, targets, beams, BATCH, MOST_TOKENS, by_length=True
        ),
    }
    outputs = {name: side() for name, side in sides.items()}
    equal = sum(a == b for a, b in zip(outputs["this"], outputs["generate"], strict=True))
    seconds = alternate(sides, arguments.rounds, warm_up=0)
    print(f"{len(wanted)} messages, {','.join(arguments.directions)}, beam {beams}, batch {BATCH}, one thread")
    print(f"  equal outputs: {equal} of {len(wanted)}")
    for name, times in seconds.items():
        rate, ratio = len(wanted) / statistics.median(times), Ratio.of(times, seconds["this"])
        print(f"  {name:18} {rate:8.1f} sentences/s   this is {ratio} times as fast")


def main(arguments: Arguments) -> None:
    """Compare for every beam size."""
    torch.set_num_threads(1)
    for beams in arguments.beams:
        compare(arguments, beams)


if __name__ == "__main__":
    run(main, Arguments)
