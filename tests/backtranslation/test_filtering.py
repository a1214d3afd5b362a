"""Each check rejects what it is for and says so; random acceptance and no filter; QE where it is given."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from backtranslation.candidates import GENERATED_SCHEMA, SCHEMA, read_candidates, write_candidates
from backtranslation.config import FilterConfig
from backtranslation.filtering import decide, synthetic_side
from parley.pipeline.errors import InputError

FRENCH, THAI = "on a besoin d'un soigneur ici", "เราต้องการฮีลเลอร์ที่นี่"


def candidate(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A good candidate of fr-th: synthetic French, real Thai."""
    row = {
        "row_id": f"bt1:{number:08d}", "origin_row": f"chat:{number}", "origin": "backtranslated", "round": 1,
        "use": "back", "direction": "fr-th", "source_text": f"{FRENCH} {number}", "target_text": f"{THAI} {number}",
        "synthetic_language": "fr", "original_language": "th", "original": f"{THAI} {number}",
        "round_trip": f"{THAI} {number}", "decoding": "beam", "round_trip_chrf": 90.0, "language_ok": True,
        "repetition": 0.0,
    }  # fmt: skip
    return row | changes


def decided(rows: Sequence[dict[str, Any]], qe: Any = None, **settings: Any) -> list[dict[str, Any]]:
    seed = settings.pop("seed", 1)
    table = decide(pa.Table.from_pylist(list(rows), GENERATED_SCHEMA), FilterConfig(**settings), seed, qe)
    assert table.schema == SCHEMA
    found: list[dict[str, Any]] = table.to_pylist()
    return found


@pytest.mark.parametrize(
    ("changes", "settings", "reason"),
    [
        ({}, {}, "accepted"),
        ({"source_text": " "}, {}, "empty"),
        ({"language_ok": False}, {}, "language"),
        ({"source_text": f"{THAI} 0"}, {}, "copy"),
        ({"repetition": 0.5}, {}, "repetition"),
        ({"source_text": FRENCH * 9}, {}, "length_ratio"),
        ({"round_trip_chrf": 39.9}, {}, "round_trip"),
        ({"round_trip_chrf": 39.9}, {"min_chrf": 30.0}, "accepted"),
        ({"language_ok": False, "round_trip_chrf": 3.0}, {}, "language"),  # the first check that fails
    ],
)
def test_each_check_says_what_it_rejects(changes: dict[str, Any], settings: dict[str, Any], reason: str) -> None:
    row = decided([candidate(**changes)], **settings)[0]
    assert (row["reason"], row["verdict"], row["accepted"]) == (reason, reason, reason == "accepted")


def test_copies_of_the_pivot_text_are_found() -> None:
    english = "we need a healer over here"
    pivot = candidate(use="pivot", original=english, original_language="en", source_text=english)
    assert decided([pivot])[0]["reason"] == "copy"


def test_forward_rows_are_judged_on_their_target() -> None:
    forward = candidate(use="forward", direction="th-fr", source_text=THAI, target_text=FRENCH)
    columns = {name: [value] for name, value in forward.items()}
    assert synthetic_side(columns) == ([FRENCH], [THAI], ["th"])
    assert decided([forward])[0]["accepted"]
    assert decided([forward | {"target_text": "oui " * 60}])[0]["reason"] == "length_ratio"


def test_duplicates_are_accepted_once() -> None:
    rows = [candidate(1), candidate(1, round_trip_chrf=5.0), candidate(1), candidate(2)]
    assert [row["reason"] for row in decided(rows)] == ["accepted", "round_trip", "duplicate", "accepted"]
    weak_first = [candidate(1, round_trip_chrf=5.0), candidate(1)]
    assert [row["accepted"] for row in decided(weak_first)] == [False, True]


def test_everything_with_text_is_accepted_unfiltered() -> None:
    rows = [candidate(1), candidate(2, round_trip_chrf=0.0), candidate(3, source_text="")]
    found = decided(rows, accept="all")
    assert [row["reason"] for row in found] == ["unfiltered", "unfiltered", "empty"]
    assert [row["verdict"] for row in found] == ["accepted", "round_trip", "empty"]
    assert [row["accepted"] for row in found] == [True, True, False]


def test_random_acceptance_has_the_filters_rate() -> None:
    rows = [candidate(n, round_trip_chrf=90.0 if n % 4 == 0 else 5.0) for n in range(400)]
    rows[1]["source_text"] = ""
    found = decided(rows, accept="random")
    assert sum(row["accepted"] for row in found) == 100
    lucky = sum(row["accepted"] and row["verdict"] == "accepted" for row in found)
    assert 10 <= lucky <= 45, "drawn without regard to the score"
    assert found[1]["reason"] == "empty"
    assert {row["reason"] for row in found if row["accepted"]} == {"drawn"}
    assert found == decided(rows, accept="random")
    assert found != decided(rows, accept="random", seed=2)


def score_by_number(
    sources: Sequence[str], targets: Sequence[str], languages: Sequence[tuple[str, str]]
) -> list[float]:
    assert set(languages) == {("fr", "th")}
    assert all(
        source.startswith("on a") and target.startswith("เรา") for source, target in zip(sources, targets, strict=True)
    )
    return [float(text.split()[-1]) / 10 for text in sources]


def test_quality_estimation_is_stored_and_used_on_request() -> None:
    rows = [candidate(n) for n in range(10)]
    assert [row["qe"] for row in decided(rows)] == [None] * 10
    stored = decided(rows, score_by_number)
    assert all(row["accepted"] for row in stored)
    assert stored[3]["qe"] == pytest.approx(0.3)
    assert [row["reason"] for row in decided(rows, score_by_number, min_qe=0.5)] == ["qe"] * 5 + ["accepted"] * 5
    with pytest.raises(InputError, match="needs a quality estimation model"):
        decided(rows, min_qe=0.5)


def test_the_table_is_read_back(tmp_path: Path) -> None:
    rows = [candidate(1), candidate(2, round_trip_chrf=0.0)]
    table = decide(pa.Table.from_pylist(rows, GENERATED_SCHEMA), FilterConfig(), seed=1)
    write_candidates(tmp_path / "candidates.parquet", table)
    assert read_candidates(tmp_path).equals(table)
    kept = read_candidates(tmp_path, accepted=True, columns=["row_id", "round"])
    assert kept.to_pylist() == [{"row_id": "bt1:00000001", "round": 1}]
    (tmp_path / "candidates.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="not a table of candidates"):
        read_candidates(tmp_path)
