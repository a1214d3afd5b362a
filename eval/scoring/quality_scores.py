"""Quality estimation in the report: scores and errors by direction and system, intervals, worst messages.

The scores come from a stage that knows the model; here they are a table (`parley.metrics.message_quality`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eval.scoring.message_scores import histogram, message_numbers
from eval.scoring.publishable import add_publishable
from parley.metrics.message_quality import DIMENSIONS, FILE, SCHEMA, SEVERITIES
from parley.metrics.metric import mean_scores, mean_statistics
from parley.metrics.ngrams import Floats, Ints
from parley.metrics.significance import SAMPLES, Bootstrap, interval
from parley.pipeline.errors import InputError

Json = dict[str, Any]
TOLD: Final = 8  # worst messages of each system
_COUNTS: Final = (*SEVERITIES, *DIMENSIONS)
_SHOWN: Final = ("start", "end", "severity", "dimension")


@dataclass(frozen=True)
class _Scored:
    """One system's scores in one direction, [N] each; `errors` [N, 6] in the order of `_COUNTS`."""

    lines: list[int]
    numbers: Ints
    scores: Floats
    words: int
    errors: Floats


def quality_folders(folders: Mapping[str, Path]) -> list[Path]:
    """Those of the folders that hold scores of quality estimation."""
    return [folder for folder in folders.values() if (folder / FILE).is_file()]


def read_quality(folders: Sequence[Path]) -> pa.Table:
    """Scores of all systems in one table; empty where nothing was scored.

    Raises:
        InputError: a file that is not such a table.
    """
    tables = [SCHEMA.empty_table()]
    for folder in folders:
        try:
            tables.append(pq.read_table(folder / FILE).select(SCHEMA.names).cast(SCHEMA))
        except (OSError, KeyError, ValueError, pa.ArrowException) as error:
            line = str(error).splitlines()[0]
            raise InputError(f"{folder / FILE}: not a table of quality scores ({line})") from error
    return pa.concat_tables(tables)


def add_quality(report: Json, quality: pa.Table, samples: int = SAMPLES, seed: int = 1) -> None:
    """Put the scores into a report, by direction and over all directions. docs/evaluation.md has the keys.

    Args:
        report: with scores and details; changed in place. Systems that it does not have are left out.
        quality: a line for each scored output.
        samples: of the bootstrap behind the intervals.
    """
    groups = _groups(report, quality)
    if not groups:
        return
    draw = Bootstrap(int(message_numbers(quality).max()) + 1, samples, seed)
    drawn: dict[str, list[Floats]] = {}
    for direction, systems in groups.items():
        entry = report["pairs"][direction]
        sampled = {
            system: mean_scores(draw.sums(mean_statistics(scored.scores), scored.numbers))
            for system, scored in systems.items()
        }
        for system, scored in systems.items():
            entry["systems"][system]["qe"] = _facts(scored, sampled[system])
            drawn.setdefault(system, []).append(sampled[system])
        entry["quality_histograms"] = {system: histogram(scored.scores) for system, scored in systems.items()}
        _compare(entry, systems, sampled)
        telling = {system: _worst(quality, scored) for system, scored in systems.items()}
        entry.setdefault("telling", {})["qe"] = telling
    for system, means in drawn.items():
        entries = [report["pairs"][d]["systems"][system]["qe"] for d, scored in groups.items() if system in scored]
        report["mean"].setdefault(system, {})["qe"] = _overall(entries, means)
    add_publishable(
        report, {d: {s: (one.scores, one.numbers) for s, one in v.items()} for d, v in groups.items()}, draw
    )


def _groups(report: Json, quality: pa.Table) -> dict[str, dict[str, _Scored]]:
    """Scores by direction and system, in the order of the report."""
    lines: dict[tuple[str, str], list[int]] = {}
    for line, key in enumerate(zip(quality["pair"].to_pylist(), quality["system"].to_pylist(), strict=True)):
        lines.setdefault(key, []).append(line)
    numbers, scores = message_numbers(quality), quality["score"].to_numpy().astype(np.float64)
    words = quality["words"].to_numpy()
    errors = np.stack([quality[name].to_numpy() for name in _COUNTS], axis=1).astype(np.float64)
    found: dict[str, dict[str, _Scored]] = {}
    for direction, entry in report.get("pairs", {}).items():
        for system in entry["systems"]:
            mine = lines.get((direction, system))
            if mine:
                scored = _Scored(mine, numbers[mine], scores[mine], int(words[mine].sum()), errors[mine])
                found.setdefault(direction, {})[system] = scored
    return found


def _facts(scored: _Scored, sampled: Floats) -> Json:
    """Score with its interval, and errors per 100 words by severity and dimension."""
    rates = (100 * scored.errors.sum(0) / max(1, scored.words)).round(4).tolist()
    by_name = dict(zip(_COUNTS, rates, strict=True))
    score = {"score": round(float(scored.scores.mean()), 3), "score_ci": [round(end, 3) for end in interval(sampled)]}
    sizes = {"n": len(scored.lines), "words": scored.words}
    return score | {k: by_name[k] for k in SEVERITIES} | {"dimensions": {k: by_name[k] for k in DIMENSIONS}} | sizes


def _overall(entries: Sequence[Json], sampled: Sequence[Floats]) -> Json:
    """Plain means over directions; they are resampled together, for they share messages."""
    mean = {key: float(np.mean([entry[key] for entry in entries])) for key in ("score", *SEVERITIES)}
    mean["score_ci"] = list(interval(np.nanmean(sampled, axis=0)))  # type: ignore[assignment]
    dimensions = {key: float(np.mean([entry["dimensions"][key] for entry in entries])) for key in DIMENSIONS}
    return mean | {"dimensions": dimensions, "directions": len(entries), "n": sum(entry["n"] for entry in entries)}


def _compare(entry: Json, systems: Mapping[str, _Scored], sampled: Mapping[str, Floats]) -> None:
    """`qe_delta` and `qe_delta_ci` of each compared pair of systems whose very same messages were scored."""
    for row in entry.get("comparisons", []):
        a, b = systems.get(row["a"]), systems.get(row["b"])
        if a is None or b is None or not np.array_equal(a.numbers, b.numbers):
            continue
        deltas = sampled[row["b"]] - sampled[row["a"]]
        row["qe_delta"] = round(float(b.scores.mean() - a.scores.mean()), 3)
        row["qe_delta_ci"] = [round(end, 3) for end in interval(deltas)]


def _worst(quality: pa.Table, scored: _Scored) -> list[Json]:
    """The lowest scores of a system, with the errors that were seen in output and source."""
    order = np.argsort(scored.scores, kind="stable")[:TOLD].tolist()
    rows = quality.take(pa.array([scored.lines[place] for place in order], pa.int64())).to_pylist()
    return [told for row in rows if (told := _told(row))["spans"] or told["flags"]]


def _told(row: Json) -> Json:
    sides = {
        key: [{name: span[name] for name in _SHOWN} for span in row["spans"] or [] if span["side"] == side]
        for key, side in (("spans", "target"), ("source_spans", "source"))
    }
    return {"row_id": row["row_id"], "score": round(row["score"], 1), "flags": list(row["flags"] or []), **sides}
