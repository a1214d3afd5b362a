"""A loss that only some messages have is placed in their bucket."""

import pytest

from eval.evidence import Evidence
from tests.eval.analyzers.questions import findings
from tests.eval.planted import Edit, damaged, evidence, planted, rows


@pytest.fixture(scope="module")
def before() -> Evidence:
    return evidence(rows(messages=120))


@pytest.mark.parametrize(
    ("bucket", "edit"),
    [
        ("emoji", lambda _, n, row: damaged(row, 0.5) if n % 4 == 0 else row["hypothesis"]),
        ("length 51+", lambda _, n, row: damaged(row, 0.5) if len(row["source"]) > 50 else row["hypothesis"]),
    ],
)
def test_the_bucket_with_the_fault_ranks_first(before: Evidence, bucket: str, edit: Edit) -> None:
    only: Edit = lambda pair, n, row: edit(pair, n, row) if pair == "en-fr" else row["hypothesis"]  # noqa: E731
    found = findings(before, evidence(planted(rows(messages=120), only)))
    assert found[0]["analyzer"] == "dimensions"
    assert found[0]["title"].startswith(f"en-fr: messages with {bucket} lose ")
    assert found[0]["kind"] == "place"
    assert found[0]["pairs"] == ["en-fr"]


def test_a_domain_is_a_bucket(before: Evidence) -> None:
    def lines(fault: bool) -> list[dict[str, str]]:
        edit: Edit = lambda pair, n, row: damaged(row, 0.5) if fault and pair == "en-fr" and n % 3 == 0 else row["hypothesis"]  # noqa: E731, E501  # fmt: skip
        return [row | ({"domain": "trade"} if int(row["row_id"][4:]) % 3 == 0 else {}) for row in planted(rows(messages=120), edit)]  # noqa: E501  # fmt: skip

    found = findings(evidence(lines(False)), evidence(lines(True)))
    assert found[0]["title"].startswith("en-fr: messages with domain trade lose ")


def test_a_loss_of_all_messages_has_no_bucket(before: Evidence) -> None:
    edit: Edit = lambda pair, _, row: damaged(row, 0.2) if pair == "en-fr" else row["hypothesis"]  # noqa: E731
    found = findings(before, evidence(planted(rows(messages=120), edit)))
    assert [one["title"] for one in found if one["analyzer"] == "dimensions"] == []


def test_a_clean_pair_gives_none(before: Evidence) -> None:
    assert findings(before, before) == []
