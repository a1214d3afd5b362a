"""What counts as a copy, a loop, an omission, a hallucination."""

import pytest

from eval.scoring import failures
from parley.metrics.chrf import sentence_chrf


def test_copies_are_outputs_that_should_have_changed() -> None:
    sources, references = ["Hello there", "Roblox", "GG"], ["Bonjour", "Roblox", "Bien joué"]
    found = failures.copies(["hello  there", "roblox", "Bien"], sources, references)
    assert found.tolist() == [True, False, False]


def test_empty_outputs() -> None:
    assert failures.empties(["", " \u3000", "a", "b"]).tolist() == [True, True, False, False]
    assert failures.empties([]).tolist() == []


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("go to the go to the go to the go to the", True),
        ("ไปเลยไปเลยไปเลยไปเลย", True),
        ("no no no no no", True),
        ("go go go", False),
        ("そうそうそう", False),
        ("a perfectly normal message, as long as many others are in chat", False),
    ],
)
def test_loops(text: str, loops: bool) -> None:
    assert failures.loops([text], ["x"], ["y"]).tolist() == [loops]


def test_a_loop_that_was_asked_for_is_none() -> None:
    laugh = "hahahahaha"
    assert not failures.loops([laugh], ["jajajajaja"], [laugh]).any()
    assert not failures.loops([laugh], [laugh], ["lol"]).any()


@pytest.mark.parametrize(
    ("hypothesis", "reference", "omission"),
    [
        ("Suis-moi", "Suis-moi jusqu'à la porte du château", True),
        ("", "Suis-moi jusqu'à la porte", True),
        ("Suis-moi à la porte", "Suis-moi jusqu'à la porte", False),
        ("ok", "d'accord", False),  # too short a reference to tell
    ],
)
def test_omissions_are_much_shorter_than_the_reference(hypothesis: str, reference: str, omission: bool) -> None:
    assert failures.omissions([hypothesis], [reference]).tolist() == [omission]


@pytest.mark.parametrize(
    ("hypothesis", "reference", "target", "found"),
    [
        ("The green dragon waits for you", "J'ai perdu ma casquette hier", "fr", True),
        ("J'ai égaré ma casquette hier", "J'ai perdu ma casquette hier", "fr", False),
        ("Viens ici et puis va chercher de l'eau au puits", "Viens ici vite", "fr", True),
        ("今天天气真的非常好我们出去玩", "把这个盒子放到那边的桌子上", "zh-Hans", True),
        ("Hi", "Salut", "fr", False),
        ("", "J'ai perdu ma casquette hier", "fr", False),
    ],
)
def test_hallucinations_are_about_something_else(hypothesis: str, reference: str, target: str, found: bool) -> None:
    chrf = sentence_chrf([hypothesis], [reference])
    assert failures.hallucinations([hypothesis], [reference], chrf, target).tolist() == [found]
