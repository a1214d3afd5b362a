"""What is to be done with emoji, handles, capitals ...: told from source and output by rules."""

import pytest

from eval.scoring.phenomena import PHENOMENA, count_phenomena, pooled
from eval.stored_outputs import DirectionOutputs

BY_NAME = {one.name: one for one in PHENOMENA}


@pytest.mark.parametrize(
    ("name", "source", "output", "done"),
    [
        ("urls", "see https://a.io/x.", "va sur https://a.io/x", True),
        ("urls", "see https://a.io/x.", "va sur https://a.io/y", False),
        ("urls", "see you", "à plus", None),
        ("handles", "@ana @ben hi", "salut @ben @ana", True),
        ("handles", "@ana @ben hi", "salut @ana", False),
        ("numbers", "1,000 gold", "1 000 or", True),
        ("numbers", "1,000 gold", "100 or", False),
        ("placeholders", "hi {name}", "salut {nom}", False),
        ("emoji", "gg 😂😂", "bien joué 😂😂", True),
        ("emoji", "gg 😂😂", "bien joué 😂", False),
        ("emoticons", "gg :)", "bien joué :)", True),
        ("filtered", "you ####", "espèce de ####", True),
        ("capitals", "STOP IT NOW", "ARRÊTE ÇA", True),
        ("capitals", "STOP IT NOW", "Arrête ça", False),
        ("capitals", "GG", "bien joué", None),  # one abbreviation is no shouting
        ("small_letters", "where are you", "Où es-tu ?", True),
        ("small_letters", "where are you", "où es-tu ?", False),
        ("elongation", "this is sooo good", "c'est tellement bien", True),
        ("elongation", "this is sooo good", "c'est troooop bien", False),
        ("elongation", "kkkk good", "haha bien", None),  # laughter
        ("repeated_marks", "go!!!", "allez !", True),
        ("repeated_marks", "go!!!", "allez !!", False),
    ],
)
def test_rules(name: str, source: str, output: str, done: bool | None) -> None:
    rule = BY_NAME[name].rule
    assert rule is not None
    assert rule(source, output) is done


def outputs(direction: str, hypotheses: list[str]) -> DirectionOutputs:
    sources, references = ["gg @ana", "COME HERE NOW", "hello"], ["bien joué @ana", "VIENS ICI", "salut"]
    return DirectionOutputs(direction, ["a", "b", "c"], [""] * 3, sources, references, hypotheses)


def test_counts_by_system_beside_the_references() -> None:
    found = count_phenomena({"x": outputs("en-fr", ["gg", "VIENS", ""]), "y": outputs("en-fr", ["@ana", "viens", "x"])})
    assert found["handles"] == {"reference": [1, 1], "x": [0, 1], "y": [1, 1]}
    assert found["capitals"] == {"reference": [1, 1], "x": [1, 1], "y": [0, 1]}
    assert "urls" not in found
    assert count_phenomena({}) == {}


def test_capitals_are_asked_of_scripts_that_have_them() -> None:
    assert "capitals" not in count_phenomena({"x": outputs("en-th", ["gg", "มา", ""])})


def test_every_row_is_declared_and_what_no_rule_tells_is_not_measured() -> None:
    part = count_phenomena({"x": outputs("en-fr", ["gg", "VIENS", ""])})
    table = {row["name"]: row for row in pooled([part, part])}
    assert list(table) == list(BY_NAME)
    assert table["handles"] == {"name": "handles", "action": "copy", "systems": {"reference": [2, 2], "x": [0, 2]}}
    assert table["urls"]["systems"] == {}
    assert table["slang"]["systems"] is None
