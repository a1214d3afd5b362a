"""Which candidates are accepted, each with the reason.

The checks run in the order of `CHECKS`; the first that fails names the reason.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backtranslation.candidates import ACCEPTED, SCHEMA
from backtranslation.config import FilterConfig
from backtranslation.round_trip import copies, length_ratios
from parley.languages.table import language, pair
from parley.pipeline.errors import InputError

LENGTH_RATIO: Final = 2.5  # largest ratio of the two sides, in expected English characters
LENGTH_SLACK: Final = 12.0  # characters added to both sides of that ratio
COPY_LETTERS: Final = 8  # synthetic text that repeats its input is rejected when it has as many letters
REPETITION: Final = 0.3  # most repeated n-grams beyond those of the input, as a share of all
CHECKS: Final = ("empty", "language", "copy", "repetition", "length_ratio", "round_trip", "qe", "duplicate")
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
# Quality estimation without reference: sources, translations, and the codes of source and target of each [N], to scores
# [N], higher is better. A QE model is one.
ScoresQuality = Callable[[Sequence[str], Sequence[str], Sequence[tuple[str, str]]], Sequence[float]]


def decide(table: pa.Table, config: FilterConfig, seed: int, qe: ScoresQuality | None = None) -> pa.Table:
    """Hold every candidate against the checks.

    Args:
        table: in the columns of `candidates.GENERATED`.
        seed: of random acceptance.
        qe: scorer; its scores are stored whether or not a threshold asks for them.

    Returns:
        The table in the columns of `candidates.SCHEMA`.

    Raises:
        InputError: the threshold needs a scorer and there is none.
    """
    if config.min_qe is not None and qe is None:
        raise InputError("backtranslation.filter.min_qe needs a quality estimation model")
    columns: dict[str, Any] = {name: table[name].to_pylist() for name in table.column_names}
    columns |= _texts_compared(columns)
    columns["qe"] = [None] * table.num_rows if qe is None else _quality(columns, qe)
    failed = _failed(columns, config)
    verdict = np.select([failed[check] for check in CHECKS], CHECKS, ACCEPTED)
    accepted, reason = _decided(np.array(columns["direction"]), verdict, failed["empty"], config.accept, seed)
    columns |= {"verdict": verdict.tolist(), "accepted": accepted, "reason": reason.tolist()}
    return pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)


def synthetic_side(columns: Mapping[str, Sequence[Any]]) -> tuple[list[str], list[str], list[str]]:
    """Of each candidate: the synthetic text, the real text it is paired with, and that text's language."""
    rows = zip(
        *(columns[name] for name in ("direction", "synthetic_language", "source_text", "target_text")), strict=True
    )
    synthetic, partners, languages = [], [], []
    for direction, code, source_text, target_text in rows:
        source, target = pair(direction)
        ours, theirs = (source_text, target_text) if code == source else (target_text, source_text)
        synthetic.append(ours)
        partners.append(theirs)
        languages.append(target if code == source else source)
    return synthetic, partners, languages


def _quality(columns: Mapping[str, Sequence[Any]], qe: ScoresQuality) -> Floats:
    languages = [pair(direction) for direction in columns["direction"]]
    return np.array(qe(columns["source_text"], columns["target_text"], languages), np.float64)


def _texts_compared(columns: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Length ratio to the partner; copies of the text that was translated, or of the partner."""
    synthetic, partners, languages = synthetic_side(columns)
    codes, originals, original_codes = (columns[n] for n in ("synthetic_language", "original", "original_language"))
    copied = np.zeros(len(synthetic), bool)
    for others, other_codes in ((partners, languages), (originals, original_codes)):
        free = [language(a).primary == language(b).primary for a, b in zip(codes, other_codes, strict=True)]
        copied |= np.array(copies(synthetic, others, COPY_LETTERS), bool) & ~np.array(free, bool)
    return {"length_ratio": length_ratios(synthetic, codes, partners, languages, LENGTH_SLACK), "copied": copied}


def _failed(columns: Mapping[str, Any], config: FilterConfig) -> dict[str, Mask]:
    """Check -> which candidates fail it."""
    texts = [columns["source_text"], columns["target_text"]]
    failed = {
        "empty": np.array([not (a.strip() and b.strip()) for a, b in zip(*texts, strict=True)], bool),
        "language": ~np.array(columns["language_ok"], bool),
        "copy": columns["copied"],
        "repetition": np.array(columns["repetition"]) > REPETITION,
        "length_ratio": columns["length_ratio"] > LENGTH_RATIO,
        "round_trip": np.array(columns["round_trip_chrf"]) < config.min_chrf,
        "qe": np.zeros(len(texts[0]), bool) if config.min_qe is None else np.array(columns["qe"]) < config.min_qe,
    }
    failed["duplicate"] = _repeats(columns, ~np.logical_or.reduce(list(failed.values())))
    return failed


def _repeats(columns: Mapping[str, Sequence[Any]], passed: Mask) -> Mask:
    """Candidates that pass and repeat source and target of an earlier one that passes."""
    seen: set[tuple[str, ...]] = set()
    repeats = np.zeros(len(passed), bool)
    keys = zip(*(columns[name] for name in ("direction", "source_text", "target_text")), strict=True)
    for place, key in enumerate(keys):
        if passed[place]:
            repeats[place] = key in seen
            seen.add(key)
    return repeats


def _decided(
    directions: NDArray[Any], verdict: NDArray[Any], empty: Mask, accept: str, seed: int
) -> tuple[Mask, NDArray[Any]]:
    """What is accepted, and why."""
    passed = verdict == ACCEPTED
    if accept == "filter":
        return passed, verdict
    if accept == "all":
        return ~empty, np.where(empty, "empty", "unfiltered")
    drawn = np.zeros(len(verdict), bool)
    for number, direction in enumerate(dict.fromkeys(directions.tolist())):
        mine = directions == direction
        count = int((passed & mine).sum())
        choice = np.random.default_rng((seed, number)).permutation(np.flatnonzero(mine & ~empty))
        drawn[choice[:count]] = True
    return drawn, np.select([empty, drawn], ["empty", "drawn"], "not_drawn")
