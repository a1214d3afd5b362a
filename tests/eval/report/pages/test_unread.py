"""What may go out unread: the pages promise no more than was measured."""

from typing import Any

from eval.report.pages.environment import environment
from eval.report.pages.unread import unread_part
from eval.scoring.quality_scores import add_quality
from tests.eval.report.pages.full_report import full_report, quality


def report(style: str = "mqm") -> dict[str, Any]:
    found, stored = full_report(["en-fr", "fr-en"])
    found["qe"]["error_free"]["style"] = style
    add_quality(found, quality(stored.outputs), samples=100)
    return found


def test_shares_thresholds_and_measured_precision_of_a_direction() -> None:
    found = report()
    part = unread_part(found, found["pairs"]["en-fr"]["systems"], "en-fr")
    assert {row["system"] for row in part["rows"]} == {"teacher", "student", "student_int8"}
    assert [share for share, _ in part["rows"][0]["cells"]] == [0.8333, 0]
    assert [level["precision"]["value"] for level in part["levels"]] == [0.93, None]
    assert part["chart"].lines[0].last == 60.0
    assert "annotated by people, en-fr, 50 % of them without an error" in part["labels"]


def test_where_labels_come_from_is_told() -> None:
    found = report()
    assert "A direction without annotations of its own" in unread_part(found, found["mean"])["labels"]
    made = report("synthetic")
    assert "not as a promise" in unread_part(made, made["mean"])["labels"]
    assert unread_part({}, {"teacher": {"chrf": 1.0}, "student": {"qe": {"score": 1.0}}}) == {}


def test_what_was_not_measured_is_said_so() -> None:
    found = report()
    macros = environment().get_template("macros.html").make_module({"lead": None, "metrics": []})
    shown = str(macros.unread_table(unread_part(found, found["pairs"]["fr-en"]["systems"])))  # type: ignore[attr-defined]
    assert shown.count("not measured") == 2
    assert "none reaches it" in shown
