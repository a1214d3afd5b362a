"""Terms with and without hints: a system that obeys, one that has no ear for hints, and what both are said to do."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eval.evaluation.terms import TakesHints, measure_terms, term_shares
from eval.gates.config import parse_rule
from eval.gates.figures.registry import Asked
from eval.gates.figures.terms import terms
from eval.testsets.testset import TestSet
from parley.glossary.aligned_words import AlignedWords
from parley.glossary.glossary import Glossary, Term
from parley.glossary.hints import Hinter
from parley.glossary.rows import never_hinted

ENGLISH = ["take my loot", "the golden raid", "Pako was here", "nothing at all"]
GERMAN = ["nimm meine Beute", "der goldene Überfall", "Pako war hier", "gar nichts"]
KEYS = sorted(map(str, range(20)), key=lambda key: never_hinted(Term(key, {})))
GLOSSARY = Glossary(
    [Term(KEYS[0], {"en": ("loot",), "de": ("Beute",)}), Term(KEYS[-1], {"en": ("raid",), "de": ("Überfall",)})]
)
TESTSET = TestSet("toy", list("abcd"), ["x"] * 4, {"en": list(ENGLISH), "de": list(GERMAN)})


class Speaker:
    """Says the words that its hints want, or nothing."""

    def __init__(self, obeys: bool) -> None:
        self.hints: Hinter | None = None
        self.obeys = obeys

    def translate_many(self, texts: Sequence[str], sources: Sequence[str], targets: Sequence[str]) -> list[str]:
        told = zip(texts, sources, targets, strict=True)
        return [" ".join(h.wanted for h in self.hints(*one)) if self.hints and self.obeys else "" for one in told]


def measured(system: TakesHints, out: Path) -> dict[str, Any]:
    words = AlignedWords({"en": ENGLISH, "de": GERMAN})
    measure_terms(system, TESTSET, {"en-de": range(4), "de-en": range(4)}, GLOSSARY, words, 10, 1, out)
    return term_shares([out, out / "without"])


def test_hints_are_obeyed_or_not(tmp_path: Path) -> None:
    obeying, deaf = measured(Speaker(obeys=True), tmp_path), measured(Speaker(obeys=False), tmp_path)
    groups = ("seen", "unseen", "random", "carried")
    assert [obeying[group]["noterm"]["lemma"] for group in groups] == [0.0] * 4
    for mode in ("proper", "wrong", "new"):
        assert [obeying[group][mode]["annotated"] for group in groups] == [1.0] * 4
        assert [deaf[group][mode]["lemma"] for group in groups] == [0.0] * 4
    assert [obeying[group]["proper"]["n"] for group in groups] == [2, 2, 2, 4]
    assert obeying["irrelevant"] == {"changed": 0.0, "n": 4}


def test_a_system_that_takes_no_hints_is_told_apart() -> None:
    assert isinstance(Speaker(obeys=True), TakesHints)
    assert not isinstance(object(), TakesHints)


@pytest.mark.parametrize(
    ("rule", "value"), [("terms.seen.proper.lemma >= 0.5", 0.9), ("vs before terms.gained.seen.proper.lemma >= 0", 0.5)]
)
def test_gates_read_the_shares(rule: str, value: float) -> None:
    shares = {"teacher": 0.9, "before": 0.4}
    report = {"terms": {name: {"seen": {"proper": {"lemma": share}}} for name, share in shares.items()}}
    gate = parse_rule("hints", rule)
    evidence: Any = SimpleNamespace(report=report)
    found = terms(Asked(evidence, gate.key, "teacher", gate.against, gate.compare, gate.limit))
    assert found.value == pytest.approx(value)
