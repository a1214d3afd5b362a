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
from typing import Any

import pyarrow.parquet as pq
import torch

from backtranslation.config import BacktranslationConfig, GenerationConfig
from backtranslation.generation import BATCH_SIZE, ModelTranslators, shard_count, translate_shard, write_texts
from backtranslation.selection import select
from benchmarks.alternating import Ratio, alternate
from parley.config.command_line import argument, run
from parley.corpus.store import Corpus
from parley.decoding.translator import tag_id
from parley.languages.identification import LanguageIdentifier
from parley.pipeline.manifest import newest_artifact
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


def with_generate(translator: Translator, wanted: Texts, beams: int, longest: int, by_length: bool) -> list[str]:
    """`transformers`' own decoding of texts into their target languages."""
    pieces = translator._encode_pieces(wanted[0], wanted[1])
    order = sorted(range(len(pieces)), key=lambda i: -len(pieces[i])) if by_length else list(range(len(pieces)))
    results = [""] * len(pieces)
    model: Any = translator.model  # `generate` is a tensor or a module to a type checker
    for start in range(0, len(order), BATCH_SIZE):
        part = order[start : start + BATCH_SIZE]
        ids, mask = translator._padded([pieces[i] for i in part])
        with torch.inference_mode():
            tokens = model.generate(
                input_ids=ids,
                attention_mask=mask,
                decoder_start_token_id=[tag_id(translator.tokenizer, wanted[2][i]) for i in part],
                num_beams=beams,
                do_sample=False,
                max_new_tokens=longest,
                early_stopping=False,
                length_penalty=1.0,
            )
        for place, text in zip(part, translator.tokenizer.batch_decode(tokens, skip_special_tokens=True), strict=True):
            results[place] = text.strip()
    return results


def there_and_back(translator: Translator, wanted: Texts, arguments: Arguments, by_length: bool) -> list[str]:
    """Round trips by `generate`; the way back is greedy, as ours is."""
    _, languages, synthetic = wanted
    longest = arguments.max_new_tokens
    there = with_generate(translator, wanted, arguments.beam_size, longest, by_length)
    return with_generate(translator, (there, synthetic, languages), 1, longest, by_length)


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
