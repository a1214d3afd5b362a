"""Each augmentation does what it says, by chance that its seed decides, and leaves alone what it cannot change."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random

import pytest

from parley.corpus.augmentation.chat import SHARES
from parley.corpus.augmentation.layouts import beside
from parley.corpus.augmentation.registry import (
    AUGMENTATIONS,
    Message,
    augmented,
    augmented_by_chance,
    check_probabilities,
)
from parley.pipeline.errors import InputError

CHANGES = ("case", "concatenation", "elongation", "leetspeak", "marks", "punctuation", "romanised", "typos")
SHIPPED = (*CHANGES, "chat", "copied", "emoji", "mixed")  # tests elsewhere register others
SEEDS = range(60)
SECOND = Message("Go now!", "Allez-y !", "en", "fr")
MESSAGE = Message("Wait for the Healer, please!", "Attends le soigneur !", "en", "fr", neighbour=SECOND)


def outcomes(name: str, message: Message) -> set[tuple[str, str]]:
    """What an augmentation makes of source and target under many seeds."""
    found = [AUGMENTATIONS[name](message, Random(seed)) for seed in SEEDS]
    return {(one.source, one.target) for one in found}


def one_letter_wrong(word: str) -> Iterator[str]:
    """The word with two letters swapped, one missing, twice or mistaken, the first one in place."""
    for place in range(1, len(word) - 1):
        yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        yield word[:place] + word[place + 1 :]
        yield word[:place] + word[place] + word[place:]
        yield from (word[:place] + key + word[place + 1 :] for key in beside(word[place], "en"))


def with_one_changed(text: str, changes: Iterable[str], word: str) -> set[str]:
    return {text.replace(word, change) for change in changes}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_same_seed_gives_the_same_message(name: str) -> None:
    for seed in SEEDS:
        assert augmented(MESSAGE, [name], seed) == augmented(MESSAGE, [name], seed)


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("text", ["", "...", "😀", "123", "#### ##"])
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


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("typos", text) for text in ("快走吧快走", "ok gg", "はやく行こう")),
        *(("elongation", text) for text in ("ไปกันเถอะ", "보스 체력", "快走吧快走", "ok gg", "はやく行こう")),
        *(("leetspeak", text) for text in ("ok my ID", "Привет всем", "bunch")),
        ("marks", "йод だが 보스"),
    ],
)
def test_what_it_is_not_for_stays(name: str, text: str) -> None:
    assert outcomes(name, replace(MESSAGE, source=text)) <= {(text, MESSAGE.target)}


@pytest.mark.parametrize(
    ("code", "letter", "keys"),
    [
        ("en", "g", "fhtyvb"),
        ("id", "S", "ADWEZX"),
        ("fr", "q", "sazw"),
        ("de", "z", "tugh"),
        ("es", "l", "kñop"),
        ("tr", "ş", "lipğç"),
        ("ru", "п", "аренми"),
        ("th", "ก", "หดำพปแ"),
        ("th", "x", "zcsd"),
        ("ko", "보", "조모버뵤벼뷰부"),
        ("ja", "か", ""),
    ],
)
def test_the_key_beside_is_that_of_the_keyboard(code: str, letter: str, keys: str) -> None:
    assert {*beside(letter, code)} >= {*keys}
    assert bool(beside(letter, code)) == bool(keys)


@pytest.mark.parametrize(("code", "text"), [("th", "หลบวงสีแดงด้วย"), ("ko", "보스 체력"), ("ru", "стойте")])
def test_typos_of_other_keyboards(code: str, text: str) -> None:
    found = {source for source, _ in outcomes("typos", Message(text, "x", code, "en"))}
    assert len(found) > 8
    assert all(abs(len(source) - len(text)) <= 1 and source[0] == text[0] for source in found - {text})
    if code == "ko":
        assert {source.replace(" ", "").isalpha() and len(source) for source in found} == {len(text)}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("text", ["@Kiwi_77", "https://Bexley.gg/Ab", "{player_Name}", "#Łódź", "####"])
def test_what_is_copied_is_not_changed(name: str, text: str) -> None:
    message = Message(f"Готово, {text} ждёт!", text, "ru", "fr")
    assert all(text in source and text in target for source, target in outcomes(name, message))


def test_leetspeak_is_one_word_in_digits() -> None:
    words = {"Wait": "W417", "for": "f0r", "the": "7h3", "Healer": "H34l3r", "please": "pl3453"}
    expected = {MESSAGE.source.replace(word, typed) for word, typed in words.items()}
    assert outcomes("leetspeak", MESSAGE) == {(source, MESSAGE.target) for source in expected}


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Đẹp quá, trùm còn nửa máu rồi!", "Dep qua, trum con nua mau roi!"),
        ("Kırmızı dairelerden kaçın, İyi!", "Kirmizi dairelerden kacin, Iyi!"),
        ("Żółć, ça va? Straße ñ", "Zolc, ca va? Strasse n"),
        ("Ещё йод", "Еще йод"),
        ("ครึ่งเดียวแล้ว", "ครึงเดียวแลว"),
    ],
)
def test_marks_go(text: str, plain: str) -> None:
    assert outcomes("marks", replace(MESSAGE, source=text)) == {(plain, MESSAGE.target)}


@pytest.mark.parametrize(
    ("code", "text", "latin"),
    [
        ("zh-Hans", "快走吧，boss来了", "kuai zou ba ，boss lai le"),
        ("zh-Hant", "閃開", "shan kai"),
        ("ja", "ちょっとまって、ボス", "chottomatte、bosu"),
        ("ja", "体力あと半分", "体力あと半分"),
        ("ko", "보스", "보스"),
    ],
)
def test_romanised_is_pinyin_and_kana_in_romaji(code: str, text: str, latin: str) -> None:
    assert outcomes("romanised", Message(text, "x", code, "en")) == {(latin, "x")}


@pytest.mark.parametrize("name", ["copied", "emoji"])
def test_what_is_copied_stands_on_both_sides(name: str) -> None:
    pieces = set()
    for seed in range(300):
        found = AUGMENTATIONS[name](MESSAGE, Random(seed))
        ends = [found.source.partition(MESSAGE.source)[::2], found.target.partition(MESSAGE.target)[::2]]
        assert ends[0] == ends[1]
        piece = "".join(ends[0])
        assert piece.strip() in found.target.split(" ")
        pieces.add(piece.strip())
        assert AUGMENTATIONS[name](replace(MESSAGE, target=""), Random(seed)) == replace(found, target="")
    assert len(pieces) > 20
    if name == "copied":
        for start in ("@", "#", "https://", "www.", "{", "${", "####", "+"):
            assert any(piece.startswith(start) for piece in pieces)


def test_chat_is_each_noise_by_its_share() -> None:
    found = [AUGMENTATIONS["chat"](MESSAGE, Random(seed)) for seed in range(600)]
    unchanged = sum(one == MESSAGE for one in found) / 600
    assert 0.25 < unchanged < 0.45
    assert 0.2 < sum(one.target != MESSAGE.target for one in found) / 600 < 0.45
    rough = sum(one.source.islower() and "," not in one.source for one in found) / 600
    assert rough > 0.05, "several at once in careless messages"
    assert {*SHARES} == {*SHIPPED} - {"chat", "concatenation", "mixed"}


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
def test_punctuation_goes_from_the_ends_of_words_or_is_repeated(text: str, expected: str) -> None:
    last = text[-1] if text[-1] in "!?" else ""
    repeated = {text[: -len(last) or None] + last * times for times in (2, 3, 4)} if last else {text}
    assert outcomes("punctuation", replace(MESSAGE, source=text)) == {
        (one, MESSAGE.target) for one in {expected, *repeated}
    }


def test_concatenation_puts_the_neighbour_behind_on_both_sides() -> None:
    both = "Wait for the Healer, please! Go now!", "Attends le soigneur ! Allez-y !"
    assert outcomes("concatenation", MESSAGE) == {both}
    assert outcomes("concatenation", SECOND) == {(SECOND.source, SECOND.target)}, "it has no neighbour"


def test_mixed_puts_sentences_or_the_neighbour_into_another_language() -> None:
    two = Message("Go now! Follow me.", "Allez-y ! Suivez-moi.", "en", "fr", "¡Vamos! ¡Seguidme!", SECOND)
    assert outcomes("mixed", two) == {
        ("Go now! ¡Seguidme!", two.target),
        ("¡Vamos! Follow me.", two.target),
    }
    chinese = replace(two, source="快走！跟我来。", source_language="zh-Hans")
    assert outcomes("mixed", chinese) == {("快走！ ¡Seguidme!", two.target), ("¡Vamos! 跟我来。", two.target)}
    second = replace(SECOND, other="¡Ya!")
    for one in (replace(two, other="¡Vamos!", neighbour=second), replace(MESSAGE, other="¡Vamos!", neighbour=second)):
        assert outcomes("mixed", one) == {
            (f"{one.source} ¡Ya!", f"{one.target} {second.target}"),
            (f"¡Ya! {one.source}", f"{second.target} {one.target}"),
        }
    for alone in (
        replace(two, other=""),
        replace(MESSAGE, other="¡Vamos!"),
        replace(MESSAGE, other="¡Vamos!", neighbour=None),
    ):
        assert outcomes("mixed", alone) == {(alone.source, alone.target)}


def test_each_falls_to_its_share_by_seed() -> None:
    shares = {"typos": 0.3, "case": 1.0}
    found = [augmented_by_chance(MESSAGE, shares, seed).source for seed in range(400)]
    assert found == [augmented_by_chance(MESSAGE, shares, seed).source for seed in range(400)]
    right = sum(source.lower() == MESSAGE.source.lower() for source in found) / 400
    assert 0.62 < right < 0.78
    assert augmented_by_chance(MESSAGE, {"typos": 0.0}, 1) == MESSAGE


def test_wrong_names_and_shares_are_named() -> None:
    check_probabilities({"case": 1, "typos": 0}, "batching.augmentations")
    with pytest.raises(InputError, match=r"batching\.augmentations\.typo: no such augmentation; there are"):
        check_probabilities({"typo": 0.1}, "batching.augmentations")
    with pytest.raises(InputError, match=r"batching\.augmentations\.case=2: must lie in 0 to 1"):
        check_probabilities({"case": 2}, "batching.augmentations")
