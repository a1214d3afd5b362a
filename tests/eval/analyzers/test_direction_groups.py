"""Losses into one language are one place."""

from eval.evidence import Evidence
from tests.eval.analyzers.facts import CODES, report
from tests.eval.analyzers.questions import findings


def test_losses_into_one_language_are_one_place(before: Evidence) -> None:
    found = findings(before, report(*(f"{code}-de" for code in CODES if code != "de")))
    assert found[0]["title"].startswith("into de: ")
    assert len(found[0]["pairs"]) == 4


def test_losses_into_related_languages_are_one_place(before: Evidence) -> None:
    worse = [f"{code}-{target}" for target in ("es", "fr") for code in CODES if code != target]
    found = findings(before, report(*worse))
    assert found[0]["title"].startswith("into languages of family Romance: ")


def test_a_single_loss_is_no_group(before: Evidence) -> None:
    assert [one for one in findings(before, report("fr-th")) if one["analyzer"] == "direction_groups"] == []
