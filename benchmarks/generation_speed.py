"""Back-translation's generation beside `generate` of the same model, beam and batch size, there and back.

    python benchmarks/generation_speed.py model=runs/demo/teacher corpus=runs/demo/corpus pairs=[fr-th] [beam_size=4]

Sides take turns in one process. Ours is the whole of it: shards, language identification, round-trip scores.
`generate` gets batches in the order of the texts, as its users write it, and sorted by length; it stops at the same
number of tokens. Sentences are counted there and back.
"""

import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import torch

from backtranslation.config import BacktranslationConfig, GenerationConfig
from backtranslation.generation import BATCH_SIZE, ModelTranslators, shard_count, translate_shard, write_texts
from backtranslation.selection import select
from benchmarks.alternating import Ratio, alternate
from benchmarks.plain_generate import plain_generate
from parley.config.command_line import argument, run
from parley.corpus.store import Corpus
from parley.languages.identification import LanguageIdentifier
from parley.pipeline.newest import newest_artifact
from training.model.loading import Translator

Texts = tuple[list[str], list[str], list[str]]  # texts, their languages, target languages


@dataclass(frozen=True)
class Arguments:
    """What is translated."""

    model: str = argument("folder of a teacher, or of the stage that trained it")
    corpus: str = argument("folder of a corpus, or of the stage that made it")
    pairs: list[str] = argument("unordered pairs", default=["fr-th"])
    candidates: int = argument("texts of each direction at most", default=256)
    beam_size: int = argument("of the way there; 1 is greedy", default=4)
    max_new_tokens: int = argument("most tokens of a translation", default=64)
    rounds: int = argument("timed rounds of every side", default=3)
    device: str = argument("cpu or cuda", default="cpu")
    threads: int = argument("threads on the CPU", default=1)


def there_and_back(translator: Translator, wanted: Texts, arguments: Arguments, by_length: bool) -> list[str]:
    """Round trips by `generate`; the way back is greedy, as ours is."""
    texts, languages, synthetic = wanted
    most, beams = arguments.max_new_tokens, arguments.beam_size
    there = plain_generate(translator, texts, languages, synthetic, beams, BATCH_SIZE, most, by_length)
    return plain_generate(translator, there, synthetic, languages, 1, BATCH_SIZE, most, by_length)


def sharded(translators: ModelTranslators, texts: Path) -> list[str]:
    """Round trips by the generation of back-translation."""
    detector = LanguageIdentifier()
    tables = [translate_shard(texts, number, translators, detector) for number in range(shard_count(texts))]
    return [text for table in tables for text in table["round_trip"].to_pylist()]


def main(arguments: Arguments) -> None:
    """Print sentences/s, ratios and the share of equal round trips."""
    torch.set_num_threads(arguments.threads)
    generation = GenerationConfig(arguments.beam_size, arguments.max_new_tokens)
    config = BacktranslationConfig(pairs=arguments.pairs, candidates=arguments.candidates, generation=generation)
    selected = select(Corpus.open(newest_artifact(Path(arguments.corpus))), config.selection(1))
    texts = Path(tempfile.mkdtemp()) / "texts.parquet"
    write_texts(texts, selected, seed=1)
    translator = Translator.load(newest_artifact(Path(arguments.model)), device=arguments.device)
    columns = pq.read_table(texts).select(["original", "original_language", "synthetic_language"])
    originals, languages, synthetic = (column.to_pylist() for column in columns.columns)
    wanted: Texts = (originals, languages, synthetic)
    translators = ModelTranslators(translator, generation, 1)
    sides: dict[str, Callable[[], list[str]]] = {
        "this": lambda: sharded(translators, texts),
        "generate": lambda: there_and_back(translator, wanted, arguments, by_length=False),
        "generate, sorted": lambda: there_and_back(translator, wanted, arguments, by_length=True),
    }
    compare(sides, arguments)


def compare(sides: dict[str, Callable[[], list[str]]], arguments: Arguments) -> None:
    """Run the sides in turns, the first time untimed."""
    outputs = {name: side() for name, side in sides.items()}
    count = len(outputs["this"])
    equal = sum(a == b for a, b in zip(outputs["this"], outputs["generate"], strict=True))
    seconds = alternate(sides, arguments.rounds, warm_up=0)
    how = f"beam {arguments.beam_size}, batch {BATCH_SIZE}, {arguments.device}"
    print(f"{count} texts there and back, {','.join(arguments.pairs)}, {how}")
    print(f"  equal round trips: {equal} of {count}")
    for name, times in seconds.items():
        rate, ratio = 2 * count / statistics.median(times), Ratio.of(times, seconds["this"])
        print(f"  {name:18} {rate:8.1f} sentences/s   this is {ratio} times as fast")


if __name__ == "__main__":
    run(main, Arguments)
