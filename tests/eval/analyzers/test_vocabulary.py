"""A language cut into more pieces, planted into the facts of the tokenizer."""

from eval.evidence import Evidence
from tests.eval.analyzers.facts import CODES, changed, report
from tests.eval.analyzers.questions import findings


def test_a_worse_vocabulary_ranks_first_and_is_reached_by_the_chain(before: Evidence) -> None:
    thai = {"tokens_per_character": 0.6, "byte_share": 0.2}
    into_thai = [f"{code}-th" for code in CODES if code != "th"]
    found = findings(before, report(*into_thai, **changed("tokenizer", "languages", "th", to=thai)))
    assert found[0]["analyzer"] == "vocabulary"
    assert "cuts th into +100% tokens per character" in found[0]["title"]
    places = [one for one in found if one["analyzer"] == "direction_groups"]
    assert places[0]["title"].startswith("into th: ")
    assert places[0]["rank"] > 1


def test_a_slightly_other_vocabulary_is_no_finding(before: Evidence) -> None:
    thai = {"tokens_per_character": 0.305, "byte_share": 0.012}
    found = findings(before, report("en-th", **changed("tokenizer", "languages", "th", to=thai)))
    assert [one for one in found if one["analyzer"] == "vocabulary"] == []


def test_a_failed_level_names_a_language_spelled_in_bytes() -> None:
    thai = {"tokens_per_character": 2.0, "byte_share": 0.6}
    spelled = report("en-th", **changed("tokenizer", "languages", "th", to=thai))
    found = findings(None, spelled, worst="worst.chrf >= 99.0")
    assert found[0]["title"].startswith("60% of the tokens of th are bytes")
