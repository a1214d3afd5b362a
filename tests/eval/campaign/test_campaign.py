"""What a campaign asks: which messages, what is marked in them, and how Pearmut counts places."""

import json
from pathlib import Path

import pytest

from eval.campaign.campaign import campaign
from eval.campaign.messages import digest, draw, read_messages
from eval.campaign.pearmut import from_pearmut, shown, to_pearmut
from parley.config.command_line import run
from parley.pipeline.errors import InputError
from scripts.campaign import Arguments, main
from tests.eval.campaign.example_report import SYSTEMS, THAI, write_report


@pytest.mark.parametrize(
    ("text", "start", "end", "there"),
    [
        ("ab cd", 3, 5, (3, 4)),
        ("a😀b", 1, 2, (1, 2)),
        ("a😀b", 2, 3, (3, 3)),
        ("ไปตี", 0, 4, (0, 3)),
    ],
)
def test_places_go_there_and_back(text: str, start: int, end: int, there: tuple[int, int]) -> None:
    mark = to_pearmut(text, {"start": start, "end": end, "severity": "minor"})
    assert (mark["start_i"], mark["end_i"]) == there
    assert from_pearmut(text, mark) == {"start": start, "end": end, "severity": "minor"}


def test_half_of_an_emoji_is_the_emoji() -> None:
    for first, last in ((1, 1), (2, 2), (1, 2)):
        found = from_pearmut("a😀b", {"start_i": first, "end_i": last, "severity": "major"})
        assert (found["start"], found["end"]) == (1, 2)


def test_what_is_missing_has_no_place() -> None:
    mark = to_pearmut("a😀b", {"start": 1, "end": 1, "severity": "critical"})
    assert mark["start_i"] == mark["end_i"] == 4
    assert from_pearmut("a😀b", mark) == {"start": -1, "end": -1, "severity": "critical"}


@pytest.mark.parametrize(
    ("first", "last", "severity"),
    [
        (0, 5, "minor"),
        (-1, 2, "minor"),
        (3, 2, "minor"),
        (0, 1, None),
        (0, 1, "huge"),
        ("0", "1", "minor"),
        (0, 4, "minor"),
    ],
)
def test_spans_outside_the_text_or_without_severity_are_refused(first: object, last: object, severity: object) -> None:
    with pytest.raises(ValueError, match=r"severity|outside"):
        from_pearmut("abcd", {"start_i": first, "end_i": last, "severity": severity})


def test_markup_is_text_of_the_same_length() -> None:
    hostile = "<img src=x onerror=alert(1)> <b>now</b> 1 <3 <br>"
    assert shown(hostile) == "＜img src=x onerror=alert(1)> ＜b>now＜/b> 1 <3 ＜br>"
    assert len(shown(hostile)) == len(hostile)


def test_half_is_random_and_half_the_worst_of_the_rest(tmp_path: Path) -> None:
    texts = [f"message {number}" for number in range(60)]
    messages = read_messages(write_report(tmp_path, {"en-fr": texts}), "en-fr")
    drawn = draw(list(messages.values()), 20, seed=3)
    kinds = {kind: [one.row_id for each, one in drawn if each == kind] for kind in ("random", "worst", "check")}
    assert {kind: len(ids) for kind, ids in kinds.items()} == {"random": 10, "worst": 10, "check": 2}
    rest = [row_id for row_id in messages if row_id not in kinds["random"]]
    assert sorted(kinds["worst"], key=list(messages).index) == rest[:10]  # scores rise with the number
    assert drawn == draw(list(messages.values()), 20, seed=3) != draw(list(messages.values()), 20, seed=4)


def test_a_check_shows_what_another_message_says(tmp_path: Path) -> None:
    messages = read_messages(write_report(tmp_path), "fr-th")
    for kind, one in draw(list(messages.values()), 4, seed=1):
        own = messages[one.row_id]
        assert (one.outputs == own.outputs) is (kind != "check")
        assert one.source == own.source


def test_characters_are_chosen_where_there_are_no_words(tmp_path: Path) -> None:
    write_report(tmp_path)
    for direction, word_level in (("fr-th", False), ("en-fr", True)):
        messages = read_messages(tmp_path, direction)
        drawn = draw(list(messages.values()), 5, 1)
        made = campaign(direction, drawn, SYSTEMS, digest(messages), 2, True)
        assert made["info"]["word_level"] is word_level
        assert len(made["data"]) == 2
        items = {item["item_id"]: item for (item,) in made["data"][0] if item["parley"]["kind"] != "check"}
        assert items.keys() == messages.keys()
    assert items["row:1"]["tgt"]["teacher"].startswith("＜b>hit＜/b>")
    assert [mark["severity"] for mark in items["row:1"]["error_spans"]["student"]] == ["major", "minor"]


def test_the_command_says_what_it_drew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, out = write_report(tmp_path / "run" / "report"), tmp_path / "c.json"
    words = [f"report={report.parent}", "pair=fr-th", f"out={out}", "messages=4", "system=student", "prefill=false"]
    with pytest.raises(SystemExit, match="0"):
        run(main, Arguments, argv=words)
    assert "2 random, 2 worst, 1 check" in capsys.readouterr().out
    items = [item for (item,) in json.loads(out.read_text(encoding="utf-8"))["data"][0]]
    assert all(list(item["tgt"]) == ["student"] and "error_spans" not in item for item in items)
    assert {item["tgt"]["student"] for item in items} <= set(map(shown, THAI))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "pair=... for a campaign, or read=..."),
        (["pair=fr-th", "read=x"], "pair=... for a campaign, or read=..."),
        (["pair=fr-xx"], "fr-xx"),
        (["pair=de-en"], "no outputs in de-en"),
        (["pair=fr-th", "system=nobody"], "teacher, student have messages in fr-th"),
        (["pair=fr-th", "messages=0"], "messages=0"),
        (["read=nowhere.json"], "nowhere.json"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    with pytest.raises(SystemExit, match="1"):
        run(main, Arguments, argv=[f"report={write_report(tmp_path)}", *words])
    message = capsys.readouterr().err
    assert told in message
    assert message.count("\n") == 1


def test_a_folder_without_a_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"outputs.parquet"):
        read_messages(tmp_path, "fr-th")
