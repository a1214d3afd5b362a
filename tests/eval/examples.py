"""A small test set in three languages, and systems that translate it without a model."""

from collections.abc import Sequence

from eval.testsets.testset import TestSet
from parley.decoding.protocols import Detection

EN = ["Are you ready?", "Follow me to the gate", "I need healing", "Good game!", None]
FR = ["Tu es prêt ?", "Suis-moi jusqu'à la porte", "J'ai besoin de soins", None, "Attends-moi"]
TH = ["พร้อมหรือยัง", "ตามฉันมาที่ประตู", None, "เล่นดีมาก", "รอฉันด้วย"]


def testset() -> TestSet:
    rows = len(EN)
    texts = {"en": list(EN), "fr": list(FR), "th": list(TH)}
    return TestSet("example", [f"row:{row}" for row in range(rows)], ["lobby"] * rows, texts)


testset.__test__ = False  # type: ignore[attr-defined]


class Phrasebook:
    """Knows the reference of every message; without the source language it drops the last character.

    Attributes:
        calls: messages asked for, by call.
    """

    def __init__(self, data: TestSet) -> None:
        self.calls: list[int] = []
        self._known = {
            (text, target): answer
            for source, texts in data.texts.items()
            for target, answers in data.texts.items()
            if source != target
            for text, answer in zip(texts, answers, strict=True)
            if text and answer
        }

    def translate_many(self, texts: Sequence[str], sources: Sequence[str], targets: Sequence[str]) -> list[str]:
        self.calls.append(len(texts))
        answers = [self._known[text, target] for text, target in zip(texts, targets, strict=True)]
        return [a[:-1] if source == "auto" else a for a, source in zip(answers, sources, strict=True)]


class Detector(Phrasebook):
    """Also names the source language: Thai by its letters, English otherwise."""

    def detect(self, texts: Sequence[str]) -> list[Detection]:
        thai = [any("ก" <= letter <= "๛" for letter in text) for text in texts]
        return [Detection("th" if own else "en", 1.0) for own in thai]


class NeverOffTarget:
    """An identifier that is always content."""

    def off_target(self, text: str, target: str, source: str | None = None) -> bool:
        return False
