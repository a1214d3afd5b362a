"""Loops, copies, cuts and other languages, planted into the outputs of one pair."""

from collections.abc import Callable

import pytest

from eval.evidence import Evidence
from tests.eval.analyzers.questions import findings
from tests.eval.planted import Edit, damaged, evidence, planted, rows

GERMAN = "ich weiß leider nicht, was du damit sagen willst, aber wir müssen jetzt wirklich gehen"


@pytest.fixture(scope="module")
def before() -> Evidence:
    return evidence(rows())


def every_fourth(fault: Callable[[dict[str, str]], str]) -> Edit:
    return lambda pair, n, row: fault(row) if pair == "en-fr" and n % 4 == 1 else row["hypothesis"]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("loops", lambda row: row["hypothesis"][:8] + " la la" * 12),
        ("copies of the source", lambda row: row["source"]),
        ("empty outputs", lambda row: ""),
        ("outputs cut short", lambda row: row["hypothesis"][: len(row["hypothesis"]) // 4]),
        ("outputs far too long", lambda row: row["hypothesis"] + " porte ici rouge chef, gauche puis droite" * 2),
        ("outputs in another language", lambda row: GERMAN[: 20 + len(row["reference"])]),
    ],
)
def test_a_planted_anomaly_ranks_first(before: Evidence, kind: str, fault: Callable[[dict[str, str]], str]) -> None:
    found = findings(before, evidence(planted(rows(), every_fourth(fault))))
    assert found[0]["analyzer"] == "decoding_anomalies"
    assert found[0]["title"].startswith(f"{kind} in en-fr: ")
    assert found[0]["pairs"] == ["en-fr"]
    assert found[0]["kind"] == "cause"
    assert found[0]["strength"] > 0.6
    assert found[0]["chain"] == ["regression of en-fr", "decoding_anomalies"]
    assert 1 <= len(found[0]["examples"]) <= 5
    assert all(int(example["row_id"][4:]) % 4 == 1 for example in found[0]["examples"])


def test_a_clean_pair_gives_none(before: Evidence) -> None:
    assert findings(before, before) == []


def test_a_loss_of_another_kind_is_not_put_on_decoding(before: Evidence) -> None:
    edit: Edit = lambda pair, _, row: damaged(row, 0.2) if pair == "en-fr" else row["hypothesis"]  # noqa: E731
    found = findings(before, evidence(planted(rows(), edit)))
    assert [one for one in found if one["analyzer"] == "decoding_anomalies"] == []


def test_anomalies_that_were_there_before_explain_nothing() -> None:
    looping = planted(rows(), every_fourth(lambda row: row["hypothesis"][:8] + " la la" * 12))
    worse = planted(looping, lambda pair, n, row: damaged(row, 0.2) if pair == "en-fr" and n % 4 != 1 else row["hypothesis"])  # fmt: skip  # noqa: E501
    found = findings(evidence(looping), evidence(worse))
    assert [one for one in found if one["analyzer"] == "decoding_anomalies"] == []


def test_a_failed_limit_alone_names_the_anomaly() -> None:
    lines = planted(rows(), every_fourth(lambda row: row["hypothesis"][:8] + " la la" * 12))
    found = findings(None, evidence(lines), loops="worst.looping <= 0.05")
    assert found[0]["title"] == "loops in en-fr: 25.0% of the messages"
    assert found[0]["chain"] == ["gate loops", "decoding_anomalies"]
