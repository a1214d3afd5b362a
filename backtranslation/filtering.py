"""Which candidates are accepted, each with the reason.

The checks run in the order of `CHECKS`; the first that fails names the reason. Thresholds by quantile are taken among
all candidates of a direction.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backtranslation.candidates import ACCEPTED, SCHEMA
from backtranslation.config import FilterConfig, pair_name
from backtranslation.round_trip import copies, length_ratios
from parley.languages.table import pair
from parley.pipeline.errors import InputError

CHECKS: Final = ("empty", "language", "copy", "repetition", "length_ratio", "round_trip", "qe", "duplicate")
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


class QualityScorer(Protocol):
    """Quality estimation without reference; a QE model is one."""

    def __call__(
        self, sources: Sequence[str], targets: Sequence[str], languages: Sequence[tuple[str, str]]
    ) -> Sequence[float]:
        """A score for each of [N] translations, higher is better; languages: source and target code of each."""
        ...


def decide(
    table: pa.Table, config: FilterConfig, qe: QualityScorer | None = None
) -> tuple[pa.Table, dict[str, dict[str, float]]]:
    """Hold every candidate against the checks.

    Args:
        table: in the columns of `candidates.GENERATED`.
        qe: scorer; its scores are stored whether or not a threshold asks for them.

    Returns:
        The table in the columns of `candidates.SCHEMA`, and direction -> the thresholds that were applied.

    Raises:
        InputError: a threshold needs a scorer and there is none.
    """
    if config.wants_qe and qe is None:
        raise InputError("backtranslation.filter: min_qe and qe_drop_quantile need a quality estimation model")
    columns: dict[str, Any] = {name: table[name].to_pylist() for name in table.column_names}
    scores = None if qe is None else _quality(columns, qe)
    chrf = np.array(columns["round_trip_chrf"], np.float64)
    columns |= _texts_compared(columns, config)
    limits = _limits(columns["direction"], chrf, scores, config)
    failed = _failed(columns, chrf, scores, limits, config)
    verdict = np.select([failed[check] for check in CHECKS], CHECKS, ACCEPTED)
    accepted, reason = _decided(np.array(columns["direction"]), verdict, failed["empty"], config)
    columns |= {
        "qe": [None] * len(chrf) if scores is None else scores,
        "quality_bin": np.digitize(chrf, config.bins).astype(np.int8),
        "verdict": verdict.tolist(),
        "accepted": accepted,
        "reason": reason.tolist(),
    }
    return pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA), limits


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


def _quality(columns: Mapping[str, Sequence[Any]], qe: QualityScorer) -> Floats:
    languages = [pair(direction) for direction in columns["direction"]]
    return np.array(qe(columns["source_text"], columns["target_text"], languages), np.float64)


def _texts_compared(columns: Mapping[str, Sequence[Any]], config: FilterConfig) -> dict[str, Any]:
    """Length ratio to the partner; copies of the text that was translated, or of the partner."""
    synthetic, partners, languages = synthetic_side(columns)
    codes, originals, original_codes = (columns[n] for n in ("synthetic_language", "original", "original_language"))
    allowed = {pair_name(*pair(name)) for name in config.copies_allowed}
    copied = np.zeros(len(synthetic), bool)
    for others, other_codes in ((partners, languages), (originals, original_codes)):
        free = [pair_name(a, b) in allowed for a, b in zip(codes, other_codes, strict=True)]
        copied |= np.array(copies(synthetic, others, config.copy_letters), bool) & ~np.array(free, bool)
    ratio = length_ratios(synthetic, codes, partners, languages, config.length_slack)
    return {"length_ratio": ratio, "copied": copied}


def _limits(
    directions: Sequence[str], chrf: Floats, scores: Floats | None, config: FilterConfig
) -> dict[str, dict[str, float]]:
    """Direction -> the least round-trip chrF, and the least QE score where there is one."""
    limits = {}
    names = np.array(directions)
    for direction in dict.fromkeys(directions):
        rows = names == direction
        least = {"min_chrf": max(config.min_chrf, _quantile(chrf[rows], config.drop_quantile, 0.0))}
        if scores is not None and config.wants_qe:
            floor = -np.inf if config.min_qe is None else config.min_qe
            least["min_qe"] = max(floor, _quantile(scores[rows], config.qe_drop_quantile, floor))
        limits[direction] = least
    return limits


def _quantile(values: Floats, share: float, otherwise: float) -> float:
    return float(np.quantile(values, share)) if share else otherwise


def _failed(
    columns: Mapping[str, Any],
    chrf: Floats,
    scores: Floats | None,
    limits: Mapping[str, Mapping[str, float]],
    config: FilterConfig,
) -> dict[str, Mask]:
    """Check -> which candidates fail it."""
    none = np.zeros(len(chrf), bool)
    texts = [columns["source_text"], columns["target_text"]]
    least = np.array([limits[direction]["min_chrf"] for direction in columns["direction"]])
    failed = {
        "empty": np.array([not (a.strip() and b.strip()) for a, b in zip(*texts, strict=True)], bool),
        "language": ~np.array(columns["language_ok"], bool) if config.check_language else none,
        "copy": columns["copied"],
        "repetition": np.array(columns["repetition"]) > config.max_repetition,
        "length_ratio": columns["length_ratio"] > (config.max_length_ratio or np.inf),
        "round_trip": chrf < least,
        "qe": none,
    }
    if scores is not None and config.wants_qe:
        failed["qe"] = scores < np.array([limits[direction]["min_qe"] for direction in columns["direction"]])
    passed = ~np.logical_or.reduce(list(failed.values()))
    failed["duplicate"] = _repeats(columns, passed) if config.drop_duplicates else none
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
    directions: NDArray[Any], verdict: NDArray[Any], empty: Mask, config: FilterConfig
) -> tuple[Mask, NDArray[Any]]:
    """What is accepted, and why."""
    passed = verdict == ACCEPTED
    if config.accept == "filter":
        return passed, verdict
    if config.accept == "all":
        return ~empty, np.where(empty, "empty", "unfiltered")
    drawn = np.zeros(len(verdict), bool)
    for number, direction in enumerate(dict.fromkeys(directions.tolist())):
        mine = directions == direction
        count = int((passed & mine).sum())
        choice = np.random.default_rng((config.seed, number)).permutation(np.flatnonzero(mine & ~empty))
        drawn[choice[:count]] = True
    return drawn, np.select([empty, drawn], ["empty", "drawn"], "not_drawn")
