"""What goes out for short messages: the translation, or the message as typed where that breaks a rule."""

import pytest

from parley.decoding.repetition import loops, without_loops
from parley.decoding.safeguards import broken_rules, guarded


@pytest.mark.parametrize(
    ("message", "output", "target", "rule"),
    [
        ("hello", "", "de", "empty"),
        ("ok", "I will come to the castle tomorrow with all my friends", "en", "too long"),
        ("chào", "È un po' di orgoglio.", "it", "too long"),
        ("はい", "Wir treffen uns morgen früh am großen Tor der Burg", "de", "too long"),
        ("hello, hello", "go go go go go", "en", "repetition"),
        ("nein nein", "no no no no no no no no", "en", "repetition"),
        ("merhaba", "I have 40 coins", "en", "invented number"),
        ("lol", "ich töte dich", "de", "threat or insult"),
        ("呃", "idiot", "en", "threat or insult"),
        ("да", "你好吗", "en", "other script"),
    ],
)
def test_a_rule_that_is_broken(message: str, output: str, target: str, rule: str) -> None:
    assert rule in broken_rules(message, output, target)
    assert guarded(output, message, target) == message


@pytest.mark.parametrize(
    ("message", "output", "target"),
    [
        ("thx", "thank you very much", "en"),
        ("谢谢", "Thank you so much", "en"),
        ("go go go", "los los los", "de"),
        ("lol", "5555", "th"),
        ("at 10:30?", "um 10:30?", "de"),
        ("kill it", "töte es", "de"),
        ("GG Sparky", "GG Sparky", "ja"),
        ("hahahaha", "хахахаха", "ru"),
    ],
)
def test_a_sound_translation_goes_out(message: str, output: str, target: str) -> None:
    assert broken_rules(message, output, target) == []
    assert guarded(output, message, target) == output


@pytest.mark.parametrize("message", ["7", "10:30", "🔥🔥🔥", ":)", "?!", "▲ ▲ ▼", "😂" * 40])
def test_a_message_without_a_letter_goes_out_as_it_is(message: str) -> None:
    assert guarded("anything at all 7", message, "fr") == message


def test_long_messages_are_not_judged_but_their_loops_end() -> None:
    message = "where did you put the sword that we found in the castle"
    assert guarded("I have 40 coins", message, "en") == "I have 40 coins"
    assert guarded("we go to the to the to the to the to the castle", message, "en") == "we go to the castle"


def test_loops_that_the_source_has_stay() -> None:
    assert loops("na na na na na")
    assert without_loops("хаха хаха хаха хаха", "haha haha haha haha") == "хаха хаха хаха хаха"
    assert without_loops("นะนะนะนะนะ", "hey") == "นะ"


def test_a_threat_in_the_source_may_be_translated_whatever_its_language() -> None:
    assert guarded("stirb", "muere", "de") == "stirb"
    assert guarded("stirb", "muere", "de", "es") == "stirb"
    assert guarded("stirb", "hola", "de", "es") == "hola"
