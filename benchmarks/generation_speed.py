"""Back-translation's generation beside `generate` of the same model, beam and batch size, there and back.

    python benchmarks/generation_speed.py model=runs/demo/teacher corpus=runs/demo/corpus pairs=[fr-th] [beam_size=4]

Sides take turns in one process. Ours is the whole of it: shards, language identification, round-trip scores, files.
`generate` gets batches in the order of the texts, as its users write it, and sorted by length; it stops at the same
number of tokens. Sentences are counted there and back.
"""

import shutil
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from backtranslation.config import BacktranslationConfig, GenerationConfig
from backtranslation.generation import ModelTranslators, Shard, generate, make_shards, read_shards
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
    beam_size: int = argument("of both ways; 1 is greedy", default=4)
    batch_size: int = argument("messages decoded together", default=64)
    max_new_tokens: int = argument("most tokens of a translation", default=64)
    rounds: int = argument("timed rounds of every side", default=3)
    device: str = argument("cpu or cuda", default="cpu")
    threads: int = argument("threads on the CPU", default=1)


def with_generate(translator: Translator, wanted: Texts, arguments: Arguments, by_length: bool) -> list[str]:
    """`transformers`' own decoding of texts into their target languages."""
    pieces = translator._encode_pieces(wanted[0], wanted[1])
    order = sorted(range(len(pieces)), key=lambda i: -len(pieces[i])) if by_length else list(range(len(pieces)))
    results = [""] * len(pieces)
    model: Any = translator.model  # `generate` is a tensor or a module to a type checker
    for start in range(0, len(order), arguments.batch_size):
        part = order[start : start + arguments.batch_size]
        ids, mask = translator._padded([pieces[i] for i in part])
        with torch.inference_mode():
            tokens = model.generate(
                input_ids=ids,
                attention_mask=mask,
                decoder_start_token_id=[tag_id(translator.tokenizer, wanted[2][i]) for i in part],
                num_beams=arguments.beam_size,
                do_sample=False,
                max_new_tokens=arguments.max_new_tokens,
                early_stopping=False,
                length_penalty=1.0,
            )
        for place, text in zip(part, translator.tokenizer.batch_decode(tokens, skip_special_tokens=True), strict=True):
            results[place] = text.strip()
    return results


def there_and_back(translator: Translator, wanted: Texts, arguments: Arguments, by_length: bool) -> list[str]:
    """Round trips by `generate`."""
    _, languages, synthetic = wanted
    there = with_generate(translator, wanted, arguments, by_length)
    return with_generate(translator, (there, synthetic, languages), arguments, by_length)


def sharded(translators: ModelTranslators, shards: list[Shard]) -> list[str]:
    """Round trips by the generation of back-translation."""
    folder = Path(tempfile.mkdtemp())
    try:
        generate(shards, folder, translators, LanguageIdentifier())
        return read_shards(shards, folder)[0]["round_trip"].to_pylist()
    finally:
        shutil.rmtree(folder)


def main(arguments: Arguments) -> None:
    """Print sentences/s, ratios and the share of equal round trips."""
    torch.set_num_threads(arguments.threads)
    generation = GenerationConfig(
        beam_size=arguments.beam_size,
        beam_under=10**9,
        round_trip_beam_size=arguments.beam_size,
        max_new_tokens=arguments.max_new_tokens,
        batch_size=arguments.batch_size,
    )
    config = BacktranslationConfig(pairs=arguments.pairs, candidates=arguments.candidates, generation=generation)
    selected = select(Corpus.open(newest_artifact(Path(arguments.corpus))), config.generated(1))
    shards, _ = make_shards(selected, generation.shard_size, seed=1)
    translator = Translator.load(newest_artifact(Path(arguments.model)), device=arguments.device)
    wanted: Texts = (
        [text for shard in shards for text in shard.texts],
        [code for shard in shards for code in shard.languages],
        [code for shard in shards for code in shard.synthetic],
    )
    translators = ModelTranslators(translator, generation, 1)
    sides: dict[str, Callable[[], list[str]]] = {
        "this": lambda: sharded(translators, shards),
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
    how = f"beam {arguments.beam_size}, batch {arguments.batch_size}, {arguments.device}"
    print(f"{count} texts there and back, {','.join(arguments.pairs)}, {how}")
    print(f"  equal round trips: {equal} of {count}")
    for name, times in seconds.items():
        rate, ratio = 2 * count / statistics.median(times), Ratio.of(times, seconds["this"])
        print(f"  {name:18} {rate:8.1f} sentences/s   this is {ratio} times as fast")


if __name__ == "__main__":
    run(main, Arguments)
