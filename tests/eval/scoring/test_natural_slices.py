"""Short and mixed messages by themselves, and what must be copied."""

import pyarrow as pa
import pytest

from eval.scoring.message_scores import score_messages
from eval.scoring.natural_slices import copy_accuracy, natural_slices, score_natural
from eval.testsets.outputs import SCHEMA
from tests.eval.examples import NeverOffTarget

ROWS = [  # source, reference, output of a, output of b
    ("gg", "bien joué", "bien joué", "quoi"),
    ("Meet me at 10:30, portal 7", "Rejoins-moi à 10:30, portail 7", "Rejoins-moi à 10:30, portail 8", "À 7 à 10:30"),
    ("ищу party для рейда 😀", "cherche un groupe 😀", "cherche un groupe", "cherche un groupe 😀"),
    ("join discord.gg/abc @Mira now", "va sur discord.gg/abc @Mira", "va sur discord.gg/abc @Mira", "va"),
]


def outputs() -> pa.Table:
    lines = [
        ("ru-fr" if "для" in source else "en-fr", system, f"r{row}", "", source, reference, said)
        for system, column in (("a", 2), ("b", 3))
        for row, (source, reference, *_) in enumerate(ROWS)
        for said in [ROWS[row][column]]
    ]
    return pa.table(dict(zip(SCHEMA.names, map(list, zip(*lines, strict=True)), strict=True)), schema=SCHEMA)


def test_slices_of_the_test_set() -> None:
    found = natural_slices(outputs())
    assert found["short"].tolist() == [True, False, False, False] * 2
    assert found["code_mixed"].tolist() == [False, False, True, False] * 2


def test_a_slice_stands_beside_its_directions() -> None:
    table = outputs()
    scores = score_natural(table, score_messages(table, NeverOffTarget()), "chrf", 100, 1)
    short = scores["short"]
    assert (short["a"]["chrf"], short["a"]["n"]) == (pytest.approx(100), 1)
    assert short["b"]["chrf"] < short["b"]["all"] < short["a"]["all"]
    assert scores["code_mixed"].keys() == {"a", "b"}
    assert "code_mixed" not in score_natural(table.slice(0, 1), score_messages(table.slice(0, 1), None), "chrf", 100, 1)


def test_what_source_and_reference_share_must_be_there() -> None:
    found = copy_accuracy(outputs())
    assert found["a"]["numbers"] == {"accuracy": 0.5, "n": 2}
    assert found["b"]["numbers"] == {"accuracy": 1.0, "n": 2}
    assert (found["a"]["emoji"]["accuracy"], found["b"]["emoji"]["accuracy"]) == (0.0, 1.0)
    assert (found["a"]["urls"]["accuracy"], found["b"]["handles"]["accuracy"]) == (1.0, 0.0)
    assert found["a"]["all"]["n"] == sum(kind["n"] for name, kind in found["a"].items() if name != "all")
    assert copy_accuracy(outputs().slice(0, 1)) == {}
