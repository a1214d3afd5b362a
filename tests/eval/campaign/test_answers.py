"""What people answered: as QE data and in the report; what does not fit is refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.campaign.answers import Answers, read_answers
from eval.campaign.campaign import campaign
from eval.campaign.messages import digest, draw, read_messages
from eval.campaign.people import people
from eval.config import EvaluationConfig
from eval.report.stage import ReportStage
from eval.stored_outputs import read_outputs
from parley.config.command_line import run
from parley.pipeline.errors import InputError
from qe_model.annotations.reading.registry import READERS
from scripts.campaign import Arguments, main
from tests.eval.campaign.example_report import SYSTEMS, THAI, as_marked, log, write_log, write_report

Json = dict[str, Any]


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return write_report(tmp_path / "report")


@pytest.fixture
def asked(report: Path) -> Json:
    return made(report)


def made(report: Path, direction: str = "fr-th") -> Json:
    messages = read_messages(report, direction)
    return campaign(direction, draw(list(messages.values()), 5, 1), SYSTEMS, digest(messages), 1, True)


def answers_of(tmp_path: Path, report: Path, entries: list[Json]) -> Answers:
    return read_answers(write_log(tmp_path / "said.jsonl", entries), report)


def entry_of(entries: list[Json], row_id: str) -> Json:
    """The answer to a message, not to its damaged twin."""
    return next(e for e in entries if e["item"][0]["item_id"] == row_id and "validation" not in e["item"][0])


def test_answers_are_qe_data_without_the_checks(tmp_path: Path, report: Path, asked: Json) -> None:
    file = write_log(tmp_path / "said.jsonl", log(asked, as_marked) + log(asked, as_marked, rater="ben"))
    with pytest.raises(SystemExit, match="0"):
        run(main, Arguments, argv=[f"report={report}", f"read={file}", f"out={tmp_path / 'people.jsonl'}"])
    found = {(one.document, one.system): one for one in READERS["campaign"](tmp_path / "people.jsonl")}
    assert found.keys() == {(f"row:{n}", system) for n in range(5) for system in SYSTEMS}
    for number, text in enumerate(THAI):
        one = found[f"row:{number}", "student"]
        assert (one.target, one.direction, one.raters) == (text, "fr-th", ("ann", "ben"))
        assert {(span.start, span.end, span.severity) for span in one.spans_of()} == {(0, 5, "minor")}
    assert {span.severity for span in found["row:1", "teacher"].spans if not span.placed} == {"major"}


def test_the_dashboards_file_reads_like_the_servers(tmp_path: Path, report: Path, asked: Json) -> None:
    entries = log(asked, as_marked)
    downloaded = tmp_path / "said.json"
    downloaded.write_text(json.dumps({asked["campaign_id"]: entries}))
    assert read_answers(downloaded, report).rows == answers_of(tmp_path, report, entries).rows


def test_the_last_answer_counts_and_a_reset_forgets(tmp_path: Path, report: Path, asked: Json) -> None:
    first = log(asked, lambda item, system: as_marked(item, system) | {"score": 1})
    again = log(asked, as_marked)
    assert {row["score"] for row in answers_of(tmp_path, report, first + again).rows} == {70.0}
    forgotten = [*first, {"user_id": "ann", "annotation": "__RESET__"}, *again[:3]]
    assert len(answers_of(tmp_path, report, forgotten).rows) == 2 * sum(
        "validation" not in e["item"][0] for e in again[:3]
    )


def test_a_report_that_has_changed_keeps_what_still_fits(tmp_path: Path, report: Path, asked: Json) -> None:
    write_report(report, {"fr-th": [*THAI[:4], "อื่น"]})
    found = answers_of(tmp_path, report, log(asked, as_marked))
    assert {row["doc"] for row in found.rows} == {"row:0", "row:1", "row:2", "row:3"}
    changed, refused = found.complaints()
    assert "has changed in fr-th since the campaign was made" in changed
    assert refused.startswith("2 refused, it does not fit the report: fr-th row:4 ")


def test_unknown_messages_and_spans_outside_the_text_are_refused_by_name(
    tmp_path: Path, report: Path, asked: Json
) -> None:
    entries = log(asked, as_marked)
    entry_of(entries, "row:0")["item"][0]["item_id"] = "row:99"
    entry_of(entries, "row:1")["annotation"][0]["student"]["error_spans"] = [
        {"start_i": 0, "end_i": 999, "severity": "minor", "category": None}
    ]
    entry_of(entries, "row:2")["annotation"][0]["teacher"]["score"] = None
    entry_of(entries, "row:3")["item"][0].pop("parley")
    found = answers_of(tmp_path, report, entries)
    told = "\n".join(found.complaints())
    assert "1 refused, the report has no such message: fr-th row:99" in told
    assert "2 refused, it does not fit the report: " in told
    assert "fr-th row:1 student (a span from 0 to 999 outside its text of 15)" in told
    assert "1 refused, not from a campaign of ours: row:3" in told
    kept = {(row["doc"], row["system"]) for row in found.rows}
    assert kept == {("row:1", "teacher"), ("row:2", "student"), ("row:4", "teacher"), ("row:4", "student")}


def test_many_names_are_counted(tmp_path: Path, report: Path, asked: Json) -> None:
    write_report(report, {"fr-th": [*THAI[:1], *("อื่น" for _ in THAI[1:])]})
    told = answers_of(tmp_path, report, log(asked, as_marked)).complaints()[1]
    assert told.startswith("8 refused")
    assert told.endswith("and 3 more")


def test_raters_who_fail_the_checks_are_left_out(tmp_path: Path, report: Path, asked: Json) -> None:
    careless = log(asked, lambda item, system: as_marked(item, system) | {"score": 90}, rater="ben")
    found = answers_of(tmp_path, report, log(asked, as_marked) + careless)
    assert {row["rater"] for row in found.rows} == {"ann"}
    assert found.complaints() == ["1 refused, the rater failed the checks: ben (1 of 1, 10 judgements)"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", "["),
        ("a.json", "[]"),
        ("a.json", '{"c": [1]}'),
        ("a.json", "{}"),
        ("a.jsonl", ""),
        ("a.jsonl", '{"user_id": "x", "item_i": 1}'),
        ("a.jsonl", '{"user_id": "x", "item_i": 1, "item": [{}], "annotation": []}'),
        ("a.jsonl", '{"user_id": "x", "item_i": 1, "item": [{"parley": {"pair": "fr-th"}}], "annotation": [{}]}'),
        ("a.jsonl", '{"user_id": "x", "item": [{"parley": {"pair": 1, "kind": 1, "report": 1}}], "annotation": [{}]}'),
    ],
)
def test_other_files_are_one_line(tmp_path: Path, report: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError):
        read_answers(tmp_path / name, report)


def facts(tmp_path: Path, report: Path, rows: list[Json]) -> Json:
    file = tmp_path / "people.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return people([file], read_outputs([report / "outputs.parquet"]))


def test_people_score_systems_on_random_messages_alone(tmp_path: Path) -> None:
    report = write_report(tmp_path / "many", {"en-fr": [f"message {number}" for number in range(40)]})
    messages = read_messages(report, "en-fr")
    drawn = draw(list(messages.values()), 20, 1)
    asked = campaign("en-fr", drawn, SYSTEMS, digest(messages), 1, True)
    entries = log(
        asked,
        lambda item, system: {
            "score": 0
            if "validation" in item
            else 20
            if item["parley"]["kind"] == "worst"
            else 60 + 20 * (system == "teacher"),
            "error_spans": item["error_spans"][system],
        },
    )
    found = facts(tmp_path, report, answers_of(tmp_path, report, entries).rows)["en-fr"]
    assert {system: (row["score"], row["n"]) for system, row in found["systems"].items()} == {
        "teacher": (80, 10),
        "student": (60, 10),
    }
    (compared,) = found["comparisons"]
    assert (compared["a"], compared["b"], compared["delta"], compared["delta_ci"]) == (
        "teacher",
        "student",
        -20,
        [-20, -20],
    )
    assert compared["p_value"] < 0.05
    assert (found["raters"], found["outputs"], found["unchanged"]) == (1, 40, 40)
    assert found["agreement"]["mcc"] == found["agreement"]["mcc_ci"][0] == 1


def test_a_run_that_names_the_answers_shows_them(tmp_path: Path, report: Path, asked: Json) -> None:
    file = tmp_path / "people.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in answers_of(tmp_path, report, log(asked, as_marked)).rows))
    stage = ReportStage(EvaluationConfig(), judgements=[file])
    assert list(stage.files()) == [file]
    stage.run(tmp_path / "next", {})
    found = json.loads((tmp_path / "next" / "report.json").read_text())["people"]["fr-th"]
    assert (found["outputs"], found["unchanged"]) == (10, 0)  # the run has no systems


def test_of_an_output_that_has_changed_the_later_campaign_counts(tmp_path: Path, report: Path, asked: Json) -> None:
    first = answers_of(tmp_path, report, log(asked, as_marked)).rows
    write_report(report, {"fr-th": [f"{text}ๆ" for text in THAI]})
    hard = log(made(report), lambda item, system: as_marked(item, system) | {"score": 5}, rater="ben")
    found = facts(tmp_path, report, first + answers_of(tmp_path, report, hard).rows)["fr-th"]
    assert {row["score"] for row in found["systems"].values()} == {5}
    assert (found["outputs"], found["unchanged"]) == (20, 10)


def test_agreement_falls_with_what_people_change(tmp_path: Path, report: Path, asked: Json) -> None:
    def changed(item: Json, system: str) -> Json:
        whole = [{"start_i": 0, "end_i": len(item["tgt"][system]) - 1, "severity": "major", "category": None}]
        return as_marked(item, system) | ({"error_spans": whole} if item["item_id"] in ("row:2", "row:3") else {})

    rows = answers_of(tmp_path, report, log(asked, changed)).rows
    found = facts(tmp_path, report, rows)["fr-th"]["agreement"]
    assert 0.1 < found["mcc"] < 0.9
    low, high = found["mcc_ci"]
    assert low < found["mcc"] < high
    write_report(report, {"fr-th": [*THAI[:4], "อื่น"]})
    assert facts(tmp_path, report, rows)["fr-th"]["unchanged"] == 8
