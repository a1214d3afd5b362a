"""A language sent to other experts, planted into the routing table."""

import numpy as np

from eval.analyzers.routing_shift import match_experts
from eval.evidence import Evidence
from tests.eval.analyzers.facts import EXPERTS, changed, report
from tests.eval.analyzers.questions import findings


def test_a_language_moved_to_other_experts_ranks_first(before: Evidence) -> None:
    table = list((EXPERTS | {"th": EXPERTS["en"]}).values())
    found = findings(
        before, report("fr-th", "en-th", **changed("routing", "experts_by_language", "encoder.1", to=table))
    )
    assert found[0]["analyzer"] == "routing_shift"
    assert "60% of the routing of th moved to other experts in encoder.1" in found[0]["title"]


def test_renumbered_experts_are_no_shift(before: Evidence) -> None:
    table = [[row[3], row[0], row[2], row[1]] for row in EXPERTS.values()]
    found = findings(before, report("fr-th", **changed("routing", "experts_by_language", "encoder.1", to=table)))
    assert [one for one in found if one["analyzer"] == "routing_shift"] == []


def test_experts_are_matched_one_to_one() -> None:
    before = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    assert match_experts(before, before[:, [2, 0, 1]]) == [1, 2, 0]
