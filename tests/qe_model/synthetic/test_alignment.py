"""Errors of real output, against references."""

import pytest

from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.synthetic.alignment import errors_against, from_model


@pytest.mark.parametrize(
    ("hypothesis", "reference", "marked"),
    [
        ("Wait for me here.", "Wait for me here.", []),
        ("Wait for him here.", "Wait for me here.", [("him", "mistranslation", "major")]),
        ("Wait for me.", "Wait here for me.", [("", "omission", "major")]),
        ("Wait now for me.", "Wait for me.", [("now", "addition", "major")]),
        ("We waits here.", "We wait here.", [("waits", "word form", "minor")]),
        ("Wait 5 minutes here.", "Wait 50 minutes here.", [("5", "mistranslation", "critical")]),
        ("We must go home now.", "We must not go home now.", [("", "omission", "critical")]),
        ("Wait for me", "Wait for me.", [("", "punctuation", "minor")]),
        ("Purple monkeys sing", "Wait for me here.", [("Purple monkeys sing", "unrelated", "critical")]),
        ("", "Wait.", [("", "omission", "critical")]),
        ("", "", []),
    ],
)
def test_differences(hypothesis: str, reference: str, marked: list) -> None:
    spans = errors_against(hypothesis, [reference], "en")
    assert [(hypothesis[span.start : span.end], span.category, span.severity) for span in spans] == marked


def test_nearest_reference_counts() -> None:
    assert errors_against("左边有敌人。", ["右边没有人。", "左边有敌人。"], "zh-Hans") == ()
    (span,) = errors_against("右边有敌人。", ["左边有敌人。"], "zh-Hans")
    assert "右边有敌人。"[span.start : span.end] == "右"
    with pytest.raises(InputError, match="reference"):
        errors_against("x", [])


def test_outputs_far_from_every_reference_teach_nothing() -> None:
    one = AnnotatedTranslation("a", "d", "teacher", "de", "en", "Warte hier auf mich.", "Wait for him here.")
    made = from_model(one, ["Wait for me here."])
    assert made is not None
    assert (made.origin, made.reference, made.score, len(made.spans)) == ("model", "Wait for me here.", -5.0, 1)
    assert from_model(one, ["Stay where you are, my friend!"]) is None
