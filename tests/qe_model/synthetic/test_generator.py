"""Synthetic errors in all 16 languages: spans lie on what was changed, severities follow the rules, seeds decide."""

import random

import pytest

from parley.languages.table import CODES
from qe_model.synthetic.edits import Edit, apply_edits
from qe_model.synthetic.generator import OPERATIONS, draw_errors, synthesize
from qe_model.synthetic.lexicon import build_lexicon
from qe_model.synthetic.operations import Draft
from tests.qe_model.synthetic.demo_rows import demo_lexicons, demo_rows


def draft(target: str, source: str = "source", code: str = "en", others: dict[str, str] | None = None) -> Draft:
    messages = [target, "Buy the red sword now.", "Sell the blue sword now.", "We waited there."]
    lexicon = build_lexicon(code, messages, names=["Wisp", "Pako"])
    return Draft(source, target, "de", code, lexicon, others or {})


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_marks_what_it_changes(name: str) -> None:
    """Outside of the marks the text is what it was; the edit of each operation applies somewhere in each script."""
    rng, applied = random.Random(1), set()
    for row in demo_rows()[:120]:
        for code in ("en", "ru", "th", "ja", "ko", "zh-Hans"):
            others = {other: row[other] for other in CODES}
            made = Draft(row["es"], row[code], "es", code, demo_lexicons()[code], others)
            edit = OPERATIONS[name](made, rng)
            if edit is None:
                continue
            text, (span,) = apply_edits(row[code], [edit])
            assert text != row[code]
            assert text[: span.start].startswith(row[code][: edit.start])
            assert text[span.end :].endswith(row[code][edit.end :])
            applied.add(code)
    if name not in ("inflection", "unit", "antonym", "negation"):  # not every script has these here
        assert applied == {"en", "ru", "th", "ja", "ko", "zh-Hans"}
    assert applied


@pytest.mark.parametrize(
    ("name", "target", "wrong", "severity"),
    [
        ("antonym", "Go left.", "Go right.", "critical"),
        ("negation", "Do not go.", "Do go.", "critical"),
        ("negation", "Don't go.", "Do go.", "critical"),
        ("name", "Hi Wisp!", "Hi Pako!", "major"),
        ("unit", "It starts at Monday.", None, "major"),
        ("omission", "Do not go.", None, None),
        ("slot_swap", "Buy the red sword now.", "Buy the blue sword now.", "major"),
    ],
)
def test_meaning(name: str, target: str, wrong: str | None, severity: str | None) -> None:
    results = {
        apply_edits(target, [e])[0]: e for s in range(20) if (e := OPERATIONS[name](draft(target), random.Random(s)))
    }
    assert results
    if wrong is not None:
        assert wrong in results
    if severity is not None:
        assert {edit.severity for edit in results.values()} == {severity}


def test_severity_grows_with_what_is_lost() -> None:
    numbers = [OPERATIONS["number"](draft("We need 50."), random.Random(seed)) for seed in range(60)]
    for edit in filter(None, numbers):
        ratio = max(50, int(edit.replacement)) / max(1, min(50, int(edit.replacement)))
        assert edit.severity == ("critical" if ratio >= 2 else "major")
    repeated = [OPERATIONS["repetition"](draft("Go on."), random.Random(seed)) for seed in range(60)]
    by_times = {
        edit.replacement.lower().count("on") or edit.replacement.count("Go"): edit.severity for edit in repeated if edit
    }
    assert by_times[1] == "minor"
    assert by_times[max(by_times)] == "critical"
    lost = [OPERATIONS["omission"](draft("Do not go there today."), random.Random(seed)) for seed in range(60)]
    assert all(
        edit.severity == "critical"
        for edit in lost
        if edit and "not" in "Do not go there today."[edit.start : edit.end]
    )


def test_edits_that_meet_are_dropped() -> None:
    edits = [Edit(0, 2, "X", "accuracy", "a", "major"), Edit(1, 3, "Y", "accuracy", "b", "major"),
             Edit(5, 5, "Z ", "accuracy", "c", "minor"), Edit(7, 8, "", "accuracy", "d", "minor")]  # fmt: skip
    text, spans = apply_edits("abcdefghi", edits)
    assert text == "XcdeZ fgi"
    assert [text[span.start : span.end] for span in spans] == ["X", "Z", ""]
    assert [span.category for span in spans] == ["a", "c", "d"]


def test_same_seed_same_errors() -> None:
    def made(code: str, seed: int) -> list[str]:
        return [one.target for one in synthesize(demo_rows(), demo_lexicons()[code], {"train": 50}, seed)]

    for code in ("de", "th"):
        assert made(code, 1) == made(code, 1)
        assert made(code, 1) != made(code, 2)


def test_synthesized_translations_fit_and_keep_splits() -> None:
    wanted = {"train": 20, "dev": 4, "test": 4}
    found = [one for code in CODES for one in synthesize(demo_rows(), demo_lexicons()[code], wanted, 1)]
    rows = {row["row_id"]: row for row in demo_rows()}
    assert {one.target_lang for one in found} == set(CODES)
    assert all(one.split == rows[one.document]["split"] for one in found)
    for one in found:
        assert (one.system == "clean") == (one.target == rows[one.document][one.target_lang]) == (not one.spans)
    assert {one.split for one in found} == {"train", "dev", "test"}
    assert {span.severity for one in found for span in one.spans} == {"minor", "major", "critical"}


def test_errors_do_not_meet() -> None:
    row = max(demo_rows(), key=lambda row: len(row["en"]))
    made = Draft(row["de"], row["en"], "de", "en", demo_lexicons()["en"], row)
    counts = [len(apply_edits(row["en"], [edit for _, edit in draw_errors(made, 4, random.Random(seed))])[1])
              for seed in range(20)]  # fmt: skip
    assert max(counts) == 4


@pytest.mark.parametrize("target", ["", "…", "7", "ok " * 1700])
def test_odd_texts_do_not_break_an_operation(target: str) -> None:
    for name, operation in OPERATIONS.items():
        for seed in range(5):
            edit = operation(draft(target, source="" if seed else "Hallo"), random.Random(seed))
            if edit:
                assert apply_edits(target, [edit])[0] != target, name
