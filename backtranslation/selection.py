"""Which texts are translated: for each direction and round another sample of real text, never one of dev or test.

A pair's texts are put into one random order, fixed by the seed; round k takes the k-th stretch of it, and starts over
where the texts are used up. `back` into a language and `forward` out of it take the same texts, so that one translation
serves both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backtranslation.candidates import ORIGIN
from backtranslation.config import SelectionConfig, TextFile, pair_name
from backtranslation.text_files import MAX_CHARS, MIN_CHARS, MonolingualText, file_texts, joined
from parley.corpus.store import Corpus
from parley.languages.table import CODES, pair
from parley.pipeline.errors import InputError
from parley.pipeline.progress import say

if TYPE_CHECKING:
    Int64Array = np.ndarray[Any, np.dtype[np.int64]]

BEAM_UNDER: Final = 500  # direct train rows from which a pair is sampled instead of searched by beam
PIVOT_MIN_ROWS: Final = 500  # direct train rows that a pivot language must have with the synthetic one
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


def select(corpus: Corpus, config: SelectionConfig) -> pa.Table:
    """The texts of a round, direction by direction, in the columns of `SELECTED`.

    Raises:
        InputError: a pair that the corpus lacks, a direction without any text, a text file that cannot be read.
    """
    pool = _Pool(corpus, config.files)
    tables = []
    for name in rare_pairs(corpus, config.pairs, config.rare_under):
        decoding = "beam" if direct_rows(corpus, name) < BEAM_UNDER else "sampling"
        first, second = pair(name)
        for source, target in ((first, second), (second, first)):
            tables.append(_direction(pool, config, source, target, decoding))
    return pa.concat_tables(tables)


class _Choice(Protocol):
    """Texts that may be translated for one use of a direction."""

    def __len__(self) -> int: ...

    def take(self, places: "Int64Array") -> dict[str, Any]:
        """Columns `original`, `original_language`, `origin_row` and `partner` of some of them."""
        ...


@dataclass(frozen=True)
class _Texts:
    """Monolingual text, translated and paired with itself."""

    language: str
    texts: MonolingualText

    def __len__(self) -> int:
        return len(self.texts.texts)

    def take(self, places: "Int64Array") -> dict[str, Any]:
        chosen = self.texts.texts.take(pa.array(places))
        languages = [self.language] * len(places)
        return {
            "origin_row": self.texts.ids.take(pa.array(places)),
            "original": chosen,
            "original_language": languages,
            "partner": chosen,
        }


@dataclass(frozen=True)
class _Pivots:
    """Multiway rows, translated from each row's pivot language and paired with its target text."""

    rows: pa.Table
    target: str
    languages: list[str]

    def __len__(self) -> int:
        return self.rows.num_rows

    def take(self, places: "Int64Array") -> dict[str, Any]:
        rows = self.rows.take(pa.array(places))
        languages = [self.languages[place] for place in places]
        columns = {code: rows[code].to_pylist() for code in {*languages}}
        return {
            "origin_row": rows["row_id"].combine_chunks(),
            "original": [columns[code][place] for place, code in enumerate(languages)],
            "original_language": languages,
            "partner": rows[self.target].combine_chunks(),
        }


def _direction(pool: "_Pool", config: SelectionConfig, source: str, target: str, decoding: str) -> pa.Table:
    direction = f"{source}-{target}"
    share, rest = divmod(config.candidates, len(config.uses))
    parts, empty = [], []
    for number, use in enumerate(config.uses):
        synthetic = target if use == "forward" else source
        choice, key = _choice(pool, use, source, target)
        wanted = share + (number < rest)
        if len(choice):
            places = _stretch(len(choice), wanted, config.round, (config.seed, *key))
            same = {"use": use, "direction": direction, "synthetic_language": synthetic, "decoding": decoding}
            columns = choice.take(places) | {name: [value] * len(places) for name, value in same.items()}
            parts.append(pa.table({name: columns[name] for name in SELECTED.names}, schema=SELECTED))
        else:
            empty.append(use)
    if not parts:
        raise InputError(
            f"backtranslation: no monolingual text for {direction} (uses {', '.join(config.uses)}): the train split "
            f"has no fitting row and backtranslation.files names no such language"
        )
    if empty:
        say(f"back-translation {direction}: no text for {', '.join(empty)}; the other uses go on")
    return pa.concat_tables(parts)


def _choice(pool: "_Pool", use: str, source: str, target: str) -> tuple[_Choice, tuple[int, ...]]:
    """What a use may translate, and the numbers that fix its order."""
    if use == "pivot":
        return pool.pivots(source, target), (1, CODES.index(target), CODES.index(source))
    real, synthetic = (target, source) if use == "back" else (source, target)
    return _Texts(real, pool.texts(real, synthetic)), (0, CODES.index(real), CODES.index(synthetic))


def _stretch(size: int, wanted: int, round_number: int, key: tuple[int, ...]) -> "Int64Array":
    """The places of a round: the next `wanted` of a fixed random order, from the front again after its end."""
    order = np.random.default_rng(key).permutation(size)
    start = (round_number - 1) * wanted
    return order[(start + np.arange(min(wanted, size))) % size]


class _Pool:
    """The texts of the train split and of the text files."""

    def __init__(self, corpus: Corpus, files: Sequence[TextFile]) -> None:
        self.corpus = corpus
        self.withheld = {pair_name(*pair(each)) for each in corpus.withheld_pairs}
        self.files = file_texts(corpus, files)

    def _free(self, real: str, synthetic: str, others: Sequence[str] = ()) -> pa.Table:
        """Train rows with fitting text in `real` and none (that may be used) in `synthetic`; ids, `real` and others.

        No row that is synthetic itself; of very many a sample.
        """
        length = pc.utf8_length(pc.field(real))
        wanted = (length >= MIN_CHARS) & (length <= MAX_CHARS)
        wanted &= pc.field("origin").is_null() | (pc.field("origin") != ORIGIN)
        if pair_name(real, synthetic) not in self.withheld:  # there, human data is what trains
            wanted &= pc.field(synthetic).is_null()
        return self.corpus.sample(["row_id", real, *others], where=wanted)

    def texts(self, real: str, synthetic: str) -> MonolingualText:
        """Distinct texts of `real` that have no human translation into `synthetic` to train on."""
        rows = self._free(real, synthetic)
        ours = MonolingualText(rows[real].combine_chunks(), rows["row_id"].combine_chunks())
        return joined([ours, self.files[real]] if real in self.files else [ours])

    def pivots(self, source: str, target: str) -> _Pivots:
        """Multiway rows with real `target` text and a language from which `source` is translated well."""
        ranked = self._pivot_languages(source, target)
        rows = self._free(target, source, ranked)
        languages = np.full(rows.num_rows, "", dtype=object)
        for code in reversed(ranked):
            languages[rows[code].is_valid().to_numpy()] = code
        there = languages != ""
        return _Pivots(rows.filter(pa.array(there, pa.bool_())), target, languages[there].tolist())

    def _pivot_languages(self, source: str, target: str) -> list[str]:
        """Languages with enough direct rows with `source`, those with most first."""
        rows = {
            code: direct_rows(self.corpus, pair_name(source, code))
            for code in self.corpus.languages
            if code not in (source, target)
        }
        return sorted((code for code in rows if rows[code] >= PIVOT_MIN_ROWS), key=lambda code: -rows[code])
