"""Errors of one dimension, planted into what quality estimation says of the outputs."""

from typing import Any

from eval.evidence import Evidence
from tests.eval.analyzers.questions import findings
from tests.eval.planted import evidence, rows

GATE = "mean.qe.score >= 80.0"


def judged(score: float, worse: str = "", n: int = 20, **dimensions: float) -> Evidence:
    """An evaluation of which quality estimation has scored n messages; `worse` has these errors, the others few."""
    found = evidence(rows(("en", "fr", "de"), 20))
    for direction, entry in found.report["pairs"].items():
        few = {"accuracy": 0.5, "fluency": 0.5, "consistency": 0.0}
        mine = few | (dimensions if direction == worse else {})
        quality: dict[str, Any] = {"score": score if direction == worse else 90.0, "dimensions": mine, "n": n}
        entry["systems"]["teacher"]["qe"] = quality | {"minor": 0.5, "major": sum(mine.values()) - 0.5, "critical": 0.0}
        span = {"start": 0, "end": 3, "severity": "major", "dimension": "accuracy"}
        entry["telling"] = {"qe": {"teacher": [{"row_id": "row:3", "score": 20.0, "spans": [span]}]}}
    found.report["mean"]["teacher"]["qe"] = {"score": score}
    return found


def test_the_dimension_that_fails_the_gate_ranks_first() -> None:
    found = findings(None, judged(40.0, "fr-de", accuracy=8.0), quality=GATE)
    assert found[0]["analyzer"] == "quality_errors"
    assert found[0]["title"].startswith("errors of accuracy in fr-de: 8.0 per 100 words")
    assert (found[0]["pairs"], found[0]["chain"]) == (["fr-de"], ["gate quality", "quality_errors"])
    assert [line["label"] for line in found[0]["evidence"]][:2] == ["accuracy errors of fr-de", "major errors of fr-de"]
    assert [message["row_id"] for message in found[0]["examples"]] == ["row:3"]


def test_few_errors_and_a_gate_that_holds_are_no_finding() -> None:
    assert [f for f in findings(None, judged(40.0), quality=GATE) if f["analyzer"] == "quality_errors"] == []
    assert findings(None, judged(90.0, "fr-de", accuracy=8.0), quality=GATE) == []
    few = findings(None, judged(40.0, "fr-de", n=3, accuracy=8.0), quality=GATE)
    assert [f for f in few if f["analyzer"] == "quality_errors"] == []
