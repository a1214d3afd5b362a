"""Which texts are translated: for each direction and round another sample of real text, never one of dev or test.

A pair's texts are put into one random order, fixed by the seed; round k takes the k-th stretch of it, and starts over
where the texts are used up. `back` into a language and `forward` out of it take the same texts, so that one translation
serves both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backtranslation.candidates import ORIGIN
from backtranslation.config import GeneratedConfig, MonolingualConfig, pair_name
from backtranslation.text_files import MonolingualText, file_texts
from pipeline.errors import InputError
from pipeline.progress import say
from training.corpus.store import Corpus
from training.languages import CODES, pair

SELECTED: Final = pa.schema(
    [
        ("use", pa.string()),
        ("direction", pa.string()),
        ("origin_row", pa.string()),  # row of the corpus, or file and line
        ("original", pa.string()),  # real text, translated into `synthetic_language` and back
        ("original_language", pa.string()),
        ("synthetic_language", pa.string()),
        ("partner", pa.string()),  # real text that the synthetic text is paired with
        ("decoding", pa.string()),
    ]
)


def rare_pairs(corpus: Corpus, pairs: Sequence[str], rare_under: int) -> list[str]:
    """The listed unordered pairs, or all with fewer than `rare_under` direct train rows.

    Raises:
        InputError: a pair with a language that the corpus lacks, or no pair at all.
    """
    for name in pairs:
        for code in pair(name):
            if code not in corpus.languages:
                raise InputError(
                    f"backtranslation.pairs: {name}: '{code}' is not a language of this run; "
                    f"it has {' '.join(corpus.languages)}"
                )
    wanted = sorted({pair_name(*pair(name)) for name in pairs})
    found = wanted or [name for name in sorted(corpus.pairs) if direct_rows(corpus, name) < rare_under]
    if not found:
        raise InputError(f"backtranslation: no pair has fewer than rare_under={rare_under} direct train rows")
    return found


def direct_rows(corpus: Corpus, name: str) -> int:
    """Train rows that a pair may be trained on directly: none of a withheld pair."""
    withheld = {pair_name(*pair(each)) for each in corpus.withheld_pairs}
    return 0 if name in withheld else corpus.pairs.get(name, 0)


def select(corpus: Corpus, config: GeneratedConfig) -> pa.Table:
    """The texts of a round, direction by direction, in the columns of `SELECTED`.

    Raises:
        InputError: a pair that the corpus lacks, a direction without any text, a text file that cannot be read.
    """
    pool = _Pool(corpus, config.monolingual)
    tables = []
    for name in rare_pairs(corpus, config.pairs, config.rare_under):
        decoding = "beam" if direct_rows(corpus, name) < config.generation.beam_under else "sampling"
        first, second = pair(name)
        for source, target in ((first, second), (second, first)):
            tables.append(_direction(pool, config, source, target, decoding))
    return pa.concat_tables(tables)


@dataclass(frozen=True)
class _Choice:
    """Texts that may be translated for one use of a direction: from a language (a column in pivot) into another."""

    originals: MonolingualText
    languages: list[str]
    partners: list[str]
    synthetic: str

    def __len__(self) -> int:
        return len(self.originals.texts)

    def take(self, places: Sequence[int], use: str, direction: str, decoding: str) -> pa.Table:
        texts, ids = self.originals.texts, self.originals.ids
        count = len(places)
        columns = [
            [use] * count,
            [direction] * count,
            [ids[place] for place in places],
            [texts[place] for place in places],
            [self.languages[place] for place in places],
            [self.synthetic] * count,
            [self.partners[place] for place in places],
            [decoding] * count,
        ]
        return pa.table(columns, schema=SELECTED)


def _direction(pool: "_Pool", config: GeneratedConfig, source: str, target: str, decoding: str) -> pa.Table:
    direction = f"{source}-{target}"
    share, rest = divmod(config.candidates, len(config.uses))
    parts, empty = [], []
    for number, use in enumerate(config.uses):
        choice, key = _choice(pool, config, use, source, target)
        wanted = share + (number < rest)
        if len(choice):
            places = _stretch(len(choice), wanted, config.round, (config.seed, *key))
            parts.append(choice.take(places, use, direction, decoding))
        else:
            empty.append(use)
    if not parts:
        raise InputError(
            f"backtranslation: no monolingual text for {direction} (uses {', '.join(config.uses)}): the train split "
            f"has no fitting row and monolingual.files names no such language"
        )
    if empty:
        say(f"back-translation {direction}: no text for {', '.join(empty)}; the other uses go on")
    return pa.concat_tables(parts)


def _choice(
    pool: "_Pool", config: GeneratedConfig, use: str, source: str, target: str
) -> tuple[_Choice, tuple[int, ...]]:
    """What a use may translate, and the numbers that fix its order."""
    if use == "pivot":
        return pool.pivots(source, target, config.pivot_min_rows), (1, CODES.index(target), CODES.index(source))
    real, synthetic = (target, source) if use == "back" else (source, target)
    texts = pool.texts(real, synthetic)
    return _Choice(texts, [real] * len(texts.texts), texts.texts, synthetic), (
        *(0, CODES.index(real)),
        CODES.index(synthetic),
    )


def _stretch(size: int, wanted: int, round_number: int, key: tuple[int, ...]) -> list[int]:
    """The places of a round: the next `wanted` of a fixed random order, from the front again after its end."""
    order = np.random.default_rng(key).permutation(size)
    start = (round_number - 1) * wanted
    places = (start + np.arange(min(wanted, size))) % size
    return [int(place) for place in order[places]]


class _Pool:
    """The texts of the train split and of the text files."""

    def __init__(self, corpus: Corpus, config: MonolingualConfig) -> None:
        self.corpus, self.config = corpus, config
        self.withheld = {pair_name(*pair(each)) for each in corpus.withheld_pairs}
        self.files = file_texts(corpus, config)

    @cached_property
    def table(self) -> pa.Table:
        """Train rows that are not synthetic themselves; cells of the wrong length count as empty."""
        table = self.corpus.table("train", ["row_id", "origin", *self.corpus.languages])
        return table.filter(pc.fill_null(pc.not_equal(table["origin"], ORIGIN), True))

    def _free(self, real: str, synthetic: str) -> pa.Table:
        """Train rows with fitting text in `real` and none (that may be used) in `synthetic`."""
        table = self.table
        length = pc.utf8_length(table[real])
        mask = pc.and_(pc.greater_equal(length, self.config.min_chars), pc.less_equal(length, self.config.max_chars))
        if pair_name(real, synthetic) not in self.withheld:  # there, human data is what trains
            mask = pc.and_(mask, pc.is_null(table[synthetic]))
        return table.filter(pc.fill_null(mask, False))

    def texts(self, real: str, synthetic: str) -> MonolingualText:
        """Distinct texts of `real` that have no human translation into `synthetic` to train on."""
        found = dict[str, str]()
        if self.config.corpus and (not self.config.columns or real in self.config.columns):
            rows = self._free(real, synthetic)
            for text, row in zip(rows[real].to_pylist(), rows["row_id"].to_pylist(), strict=True):
                found.setdefault(text, row)
        extra = self.files.get(real)
        for text, row in zip(extra.texts, extra.ids, strict=True) if extra else ():
            found.setdefault(text, row)
        return MonolingualText(list(found), list(found.values()))

    def pivots(self, source: str, target: str, least: int) -> _Choice:
        """Multiway rows with real `target` text and a language from which `source` is translated well."""
        rows = self._free(target, source)
        ranked = self._pivot_languages(source, target, least)
        languages = _first_filled(rows, ranked)
        kept = [place for place, code in enumerate(languages) if code]
        columns = {code: rows[code].to_pylist() for code in {*ranked, target}}
        ids = rows["row_id"].to_pylist()
        distinct: dict[tuple[str, str], int] = {}
        for place in kept:
            distinct.setdefault((columns[languages[place]][place], columns[target][place]), place)
        places = list(distinct.values())
        originals = MonolingualText([original for original, _ in distinct], [ids[place] for place in places])
        return _Choice(originals, [languages[p] for p in places], [real for _, real in distinct], source)

    def _pivot_languages(self, source: str, target: str, least: int) -> list[str]:
        """Languages with at least `least` direct rows with `source`, those with most first."""
        rows = {
            code: direct_rows(self.corpus, pair_name(source, code))
            for code in self.corpus.languages
            if code not in (source, target)
        }
        return sorted((code for code in rows if rows[code] >= max(1, least)), key=lambda code: -rows[code])


def _first_filled(rows: pa.Table, ranked: Sequence[str]) -> list[str]:
    """For each row the first of the ranked languages that it has; empty where it has none."""
    found = [""] * rows.num_rows
    for code in reversed(ranked):
        for place in np.flatnonzero(rows[code].is_valid().to_numpy()).tolist():
            found[place] = code
    return found
