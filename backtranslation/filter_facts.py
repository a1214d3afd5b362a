"""What is told of a round's candidates: counts and reasons, in all and by direction."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backtranslation.candidates import ACCEPTED, counts_by_direction

HISTOGRAM: Final = 10  # bins of 10 chrF


def filter_facts(table: pa.Table) -> dict[str, Any]:
    """Counts of the whole table and of each direction, with histograms of the round trip's chrF in bins of 10."""
    directions = {}
    for direction, counts in counts_by_direction(table).items():
        rows = table.filter(pc.equal(table["direction"], direction))
        chrf = rows["round_trip_chrf"].to_numpy()
        histogram, _ = np.histogram(chrf, bins=HISTOGRAM, range=(0, 100))
        directions[direction] = {
            **counts,
            "share": counts["accepted"] / counts["candidates"],
            "mean_chrf": float(chrf.mean()),
            "histogram": histogram.tolist(),
            "verdicts": value_counts(rows["verdict"]),
            "uses": value_counts(rows["use"]),
        }
    accepted = sum(found["accepted"] for found in directions.values())
    return {
        "candidates": table.num_rows,
        "accepted": accepted,
        "share": accepted / max(1, table.num_rows),
        "verdicts": value_counts(table["verdict"]),
        "directions": directions,
    }


def value_counts(column: pa.ChunkedArray) -> dict[str, int]:
    """How often each value occurs, the commonest first."""
    counted = {each["values"]: each["counts"] for each in column.value_counts().to_pylist()}
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def reasons(facts: Mapping[str, Any]) -> str:
    """The checks that candidates failed, in a phrase."""
    failed = {name: count for name, count in facts["verdicts"].items() if name != ACCEPTED}
    return (
        "rejected by " + ", ".join(f"{name}: {count}" for name, count in failed.items())
        if failed
        else "no check failed"
    )
