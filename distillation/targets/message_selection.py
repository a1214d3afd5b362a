"""Which messages the teacher translates: so many of every direction, spread over all of its source language's text.

The text lies in parts of bounded size: shards of the corpus, and blocks of monolingual files. A part gives its share of
a direction's messages, drawn by the seed, so a shard of the work reads one part. Withheld pairs stay withheld.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq

from distillation.config import SequenceTargetsConfig
from parley.corpus.store import SHARD_ROWS, Corpus, filled, shard_files
from parley.languages.table import directions, language, pair
from parley.pipeline.errors import InputError
from parley.pipeline.stage import Shard

SHARD_MESSAGES: Final = 10_000  # translated by one shard


@dataclass(frozen=True)
class TextPart:
    """A part of the text.

    Attributes:
        file: a monolingual file; empty for the corpus.
        number: of the shard of the corpus, or of the block of the file.
        cells: messages by language, about.
    """

    file: str
    number: int
    cells: Mapping[str, int]


@dataclass(frozen=True)
class Portion:
    """Messages of one direction: numbers `start` to `stop` of the `count` that are drawn from a part."""

    direction: str
    count: int
    start: int
    stop: int


def make_shards(corpus: Corpus, config: SequenceTargetsConfig) -> list[Shard]:
    """The whole work, in shards of up to `SHARD_MESSAGES` messages of one part each.

    Raises:
        InputError: a monolingual file that cannot be read.
    """
    parts = [*_of_corpus(corpus), *(part for code, file in config.monolingual.items() for part in _of_file(code, file))]
    shards: list[Shard] = []
    for part, portions in zip(parts, _portions(corpus, parts, config.messages), strict=True):
        for group in _grouped(portions):
            task = {"file": part.file, "number": part.number, "portions": [asdict(portion) for portion in group]}
            shards.append(Shard(f"{len(shards):06d}", task))
    return shards


def messages_of(shard: Shard, corpus: Corpus, seed: int) -> Iterator[tuple[str, str]]:
    """Direction and text of each message of a shard.

    Raises:
        InputError: a broken shard of the corpus, a monolingual file that cannot be read.
    """
    file, number = shard.task["file"], shard.task["number"]
    texts: dict[str, list[str]] = {}
    for portion in (Portion(**facts) for facts in shard.task["portions"]):
        code = pair(portion.direction)[0]
        if code not in texts:
            texts[code] = list(_lines(file, number) if file else _cells(corpus, code, number))
        draw = np.random.default_rng([seed, number, *f"{file} {portion.direction}".encode()])
        chosen = np.sort(draw.permutation(len(texts[code]))[: portion.count])[portion.start : portion.stop]
        yield from ((portion.direction, texts[code][place]) for place in chosen)


def _of_corpus(corpus: Corpus) -> Iterator[TextPart]:
    """A part for each shard; what it holds is told by its footer, held-out rows among it."""
    for number, path in enumerate(shard_files(corpus.folder)):
        metadata, cells = pq.read_metadata(path), dict.fromkeys(corpus.languages, 0)
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            for column in map(group.column, range(group.num_columns)):
                if column.path_in_schema in cells:
                    cells[column.path_in_schema] += column.statistics.num_values
        yield TextPart("", number, cells)


def _of_file(code: str, file: str) -> Iterator[TextPart]:
    number = 0
    while count := sum(1 for _ in _lines(file, number)):
        yield TextPart(file, number, {language(code).code: count})
        number += 1


def _lines(file: str, block: int) -> Iterator[str]:
    """The lines of a block of a file that are not blank."""
    try:
        with Path(file).open(encoding="utf-8") as lines:
            written = (line.strip() for line in lines if line.strip())
            yield from islice(written, block * SHARD_ROWS, (block + 1) * SHARD_ROWS)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"distillation.sequences.monolingual: {file} cannot be read ({error})") from error


def _cells(corpus: Corpus, code: str, shard: int) -> Iterator[str]:
    for batch in corpus.scan([code], "train", shard, filled(code)):
        yield from batch.column(0).to_pylist()


def _portions(corpus: Corpus, parts: Sequence[TextPart], messages: int) -> list[list[Portion]]:
    """Of each part, the whole-number step of every direction's messages, cut so that each fits into a shard."""
    found: list[list[Portion]] = [[] for _ in parts]
    withheld = {frozenset(pair(name)) for name in corpus.withheld_pairs}
    for name in directions(corpus.languages):
        cells = np.cumsum([part.cells.get(pair(name)[0], 0) for part in parts])
        if frozenset(pair(name)) in withheld or not cells[-1]:
            continue
        steps = np.diff(cells * min(messages, cells[-1]) // cells[-1], prepend=0).tolist()
        for portions, count in zip(found, steps, strict=True):
            starts = range(0, count, SHARD_MESSAGES)
            portions += [Portion(name, count, at, min(at + SHARD_MESSAGES, count)) for at in starts]
    return found


def _grouped(portions: Sequence[Portion]) -> Iterator[list[Portion]]:
    """Portions that one shard takes."""
    group: list[Portion] = []
    for portion in portions:
        if group and sum(one.stop - one.start for one in [*group, portion]) > SHARD_MESSAGES:
            yield group
            group = []
        group.append(portion)
    if group:
        yield group
