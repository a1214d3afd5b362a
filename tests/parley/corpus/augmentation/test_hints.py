"""Hints on corresponding words: what they say stands in the target."""

from collections import Counter
from dataclasses import replace
from random import Random

from parley.corpus.augmentation.hints import Correspondence, correspondences, hints
from parley.corpus.augmentation.registry import Message
from parley.glossary.aligned_words import AlignedWords
from parley.glossary.glossary import Glossary, Term
from parley.glossary.hints import filled, slot

GLOSSARY = Glossary([Term("sword", {"en": ("sword",), "pl": ("miecz", "miecza", "mieczem")})])
OTHER = Message("Nobody finds the golden key", "Nikt nie znajduje złotego klucza", "en", "pl")
MESSAGE = Message("Pako took my sword!", "Pako walczy moim mieczem!", "en", "pl", neighbour=OTHER, glossary=GLOSSARY)
SEEDS = range(400)


def test_terms_and_words_that_are_alike_correspond() -> None:
    assert correspondences(MESSAGE) == [
        Correspondence((0, 4), (0, 4), ("Pako",)),
        Correspondence((13, 18), (17, 24), ("miecz", "miecza", "mieczem")),
    ]


def test_words_of_the_same_rows_correspond() -> None:
    english = ["the golden key", "a key", "the key", "golden horse", "golden egg", "golden", "the horse", ""]
    polish = ["złoty klucz", "klucz", "ten klucz", "złoty koń", "złoty jajo", "złoty", "koń", "koń"]
    message = replace(OTHER, target="złoty klucz", aligned=AlignedWords({"en": english, "pl": polish}))
    found = [(message.source[slice(*one.source)], *one.forms) for one in correspondences(message)]
    assert found == [("golden", "złoty"), ("key", "klucz")]


def test_hints_say_what_the_target_says_or_it_is_changed_to_that() -> None:
    kinds: Counter[str] = Counter()
    for seed in SEEDS:
        made = hints(MESSAGE, Random(seed))
        for hint in made.hints:
            assert made.source[: hint.end].endswith(hint.term)
            true = hint.wanted in ("Pako", "miecz")
            assert true or made.target in (f"{slot(0)} walczy moim mieczem!", f"Pako walczy moim{slot(0)}!")
            kinds["new" if hint.term not in MESSAGE.source else "true" if true else "steering"] += 1
            if true and made.source == MESSAGE.source:
                assert filled(made.target, made.hints, "pl") == MESSAGE.target
    assert min(kinds[kind] for kind in ("new", "steering", "true")) > 60


def test_a_message_without_such_words_gets_one_more_word() -> None:
    for seed in SEEDS:
        made = hints(Message(OTHER.source, OTHER.target, "en", "pl", neighbour=MESSAGE), Random(seed))
        assert made.source == f"{OTHER.source} {made.hints[0].term}"
        assert made.target == OTHER.target + slot(0)


def test_what_has_no_words_stays_as_it_is() -> None:
    for text in ("", "?!", "123"):
        assert hints(Message(text, "Bonjour", "en", "fr"), Random(1)) == Message(text, "Bonjour", "en", "fr")
