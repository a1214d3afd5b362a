"""Each augmentation does what it says, by chance that its seed decides, and leaves alone what it cannot change."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random

import pytest

from parley.corpus.augmentation.registry import (
    AUGMENTATIONS,
    Message,
    augmented,
    augmented_by_chance,
    check_probabilities,
)
from parley.pipeline.errors import InputError

SHIPPED = ("case", "concatenation", "elongation", "punctuation", "typos")  # tests elsewhere register others
SEEDS = range(60)
SECOND = Message("Go now!", "Allez-y !", "en", "fr")
MESSAGE = Message("Wait for the Healer, please!", "Attends le soigneur !", "en", "fr", SECOND)


def outcomes(name: str, message: Message) -> set[tuple[str, str]]:
    """What an augmentation makes of source and target under many seeds."""
    found = [AUGMENTATIONS[name](message, Random(seed)) for seed in SEEDS]
    return {(one.source, one.target) for one in found}


def one_letter_wrong(word: str) -> Iterator[str]:
    """The word with two neighbours swapped or one letter missing, the first one in place."""
    for place in range(1, len(word) - 1):
        yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        yield word[:place] + word[place + 1 :]


def with_one_changed(text: str, changes: Iterable[str], word: str) -> set[str]:
    return {text.replace(word, change) for change in changes}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_same_seed_gives_the_same_message(name: str) -> None:
    for seed in SEEDS:
        assert augmented(MESSAGE, [name], seed) == augmented(MESSAGE, [name], seed)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("text", ["", "?!", "😀", "123", "#### ##"])
def test_what_has_no_words_stays_as_it_is(name: str, text: str) -> None:
    assert outcomes(name, Message(text, "Bonjour", "en", "fr")) == {(text, "Bonjour")}


def test_case_is_small_letters_in_the_source_or_capitals_on_both_sides() -> None:
    small, capitals = "wait for the healer, please!", "WAIT FOR THE HEALER, PLEASE!"
    assert outcomes("case", MESSAGE) == {(small, MESSAGE.target), (capitals, "ATTENDS LE SOIGNEUR !")}
    drawn = Counter(AUGMENTATIONS["case"](MESSAGE, Random(seed)).source for seed in range(600))
    assert 60 < drawn[capitals] < 140, "one in six"


@pytest.mark.parametrize(
    ("source", "code", "expected"),
    [
        ("Işık İyi", "tr", {("ışık iyi", "x"), ("IŞIK İYİ", "X")}),
        ("ISIK", "tr", {("ısık", "x"), ("ISIK", "X")}),
        ("ISIK", "en", {("isik", "x"), ("ISIK", "X")}),
        ("Иди", "ru", {("иди", "x"), ("ИДИ", "X")}),
        ("ไปกัน", "th", {("ไปกัน", "x")}),
        ("快走", "zh-Hans", {("快走", "x")}),
    ],
)
def test_case_follows_the_language(source: str, code: str, expected: set[tuple[str, str]]) -> None:
    assert outcomes("case", Message(source, "x", code, "fr")) == expected


def test_typos_are_one_slip_in_one_word_of_the_source() -> None:
    wrong = set()
    for word in ("Wait", "for", "the", "Healer", "please"):
        wrong |= with_one_changed(MESSAGE.source, one_letter_wrong(word), word)
    found = outcomes("typos", MESSAGE)
    assert {source for source, _ in found} <= wrong
    assert len(found) > 15
    assert {target for _, target in found} == {MESSAGE.target}


def test_elongation_draws_out_the_end_of_one_word() -> None:
    drawn_out = {
        MESSAGE.source.replace(word, word + word[-1] * times)
        for word in ("Wait", "for", "the", "Healer", "please")
        for times in (1, 2, 3)
    }
    found = {source for source, _ in outcomes("elongation", MESSAGE)}
    assert found <= drawn_out
    assert len(found) > 10


@pytest.mark.parametrize("name", ["typos", "elongation"])
@pytest.mark.parametrize("text", ["ไปกันเถอะ", "快走吧快走", "ok gg", "はやく行こう"])
def test_short_words_and_scripts_without_case_are_typed_right(name: str, text: str) -> None:
    assert outcomes(name, replace(MESSAGE, source=text)) == {(text, MESSAGE.target)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Go now!! 3.5, ok?", "Go now 3.5 ok"),
        ("快走!", "快走"),
        ("¿Vienes? ¡Ya!", "Vienes Ya"),
        ("don't well-known", "don't well-known"),
        ("!!", "!!"),
    ],
)
def test_punctuation_goes_from_the_ends_of_words(text: str, expected: str) -> None:
    assert outcomes("punctuation", replace(MESSAGE, source=text)) == {(expected, MESSAGE.target)}


def test_concatenation_puts_the_neighbour_behind_on_both_sides() -> None:
    both = "Wait for the Healer, please! Go now!", "Attends le soigneur ! Allez-y !"
    assert outcomes("concatenation", MESSAGE) == {both}
    assert outcomes("concatenation", SECOND) == {(SECOND.source, SECOND.target)}, "it has no neighbour"


def test_each_falls_to_its_share_by_seed() -> None:
    shares = {"typos": 0.3, "punctuation": 1.0}
    found = [augmented_by_chance(MESSAGE, shares, seed).source for seed in range(400)]
    assert found == [augmented_by_chance(MESSAGE, shares, seed).source for seed in range(400)]
    assert "Wait for the Healer please" in found
    assert 0.22 < sum(source != "Wait for the Healer please" for source in found) / 400 < 0.38
    assert augmented_by_chance(MESSAGE, {"typos": 0.0}, 1) == MESSAGE


def test_wrong_names_and_shares_are_named() -> None:
    check_probabilities({"case": 1, "typos": 0}, "batching.augmentations")
    with pytest.raises(InputError, match=r"batching\.augmentations\.typo: no such augmentation; there are"):
        check_probabilities({"typo": 0.1}, "batching.augmentations")
    with pytest.raises(InputError, match=r"batching\.augmentations\.case=2: must lie in 0 to 1"):
        check_probabilities({"case": 2}, "batching.augmentations")
