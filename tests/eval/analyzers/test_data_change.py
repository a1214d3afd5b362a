"""Fewer rows, more synthetic rows, a filter that drops more: planted into the facts of the corpus."""

from eval.evidence import Evidence
from tests.eval.analyzers.facts import CODES, PAIRS, changed, report
from tests.eval.analyzers.questions import findings


def test_fewer_rows_rank_first(before: Evidence) -> None:
    found = findings(before, report("fr-th", "th-fr", **changed("data", "pairs", "fr-th", to=300)))
    assert found[0]["analyzer"] == "data_change"
    assert "70% fewer training rows" in found[0]["title"]
    assert set(found[0]["pairs"]) == {"fr-th", "th-fr"}
    assert found[0]["evidence"][0] == {
        "label": "training rows of fr-th",
        "before": 1000,
        "after": 300,
        "unit": "rows",
    } or (found[0]["evidence"][0]["label"] == "training rows of th-fr")


def test_a_withheld_pair_has_no_rows(before: Evidence) -> None:
    found = findings(before, report("fr-th", **changed("data", "withheld_pairs", to=["fr-th"])))
    assert found[0]["evidence"][0]["after"] == 0
    assert found[0]["strength"] == 1.0


def test_rows_that_all_pairs_lost_are_a_weaker_cause(before: Evidence) -> None:
    everywhere = findings(before, report("fr-th", **changed("data", "pairs", to=dict.fromkeys(PAIRS, 300))))
    assert [one for one in everywhere if "fewer training rows" in one["title"]] == []


def test_a_moved_synthetic_share_ranks_first(before: Evidence) -> None:
    rounds = [{"pairs": {"fr-th": {"ratio": 4.0}, "th-fr": {"ratio": 0.5}}}]
    found = findings(before, report("fr-th", **changed("backtranslation", "rounds", to=rounds)))
    assert found[0]["analyzer"] == "data_change"
    assert "synthetic rows moved (fr-th: 33% to 80%)" in found[0]["title"]


def test_a_filter_that_drops_one_language_ranks_first(before: Evidence) -> None:
    dropped = dict.fromkeys(CODES, 100) | {"th": 4000}
    filters = [{"name": "length", "cells_dropped": dropped}]
    found = findings(before, report("fr-th", **changed("data", "cleaning", "filters", to=filters)))
    assert found[0]["title"] == "filter length drops 49% of th (before: 2%)"


def test_a_failed_level_asks_whether_there_are_rows(before: Evidence) -> None:
    scarce = report("fr-th", "th-fr", **changed("data", "pairs", "fr-th", to=20))
    found = findings(None, scarce, worst="worst.chrf >= 99.0")
    assert any("few training rows" in one["title"] and ": 20; the median" in one["title"] for one in found)


def test_a_clean_pair_gives_none_whatever_the_facts(before: Evidence) -> None:
    facts = changed("data", "pairs", "fr-th", to=300)
    assert findings(before, report(**facts)) == []


def test_the_same_facts_give_no_cause(before: Evidence) -> None:
    assert [one for one in findings(before, report("fr-th")) if one["kind"] == "cause"] == []
