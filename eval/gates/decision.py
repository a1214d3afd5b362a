"""Gates, comparison and findings of one evaluation: what decides whether a model is shipped, and why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.analyzers.investigation import investigate, questions
from eval.comparison import AS_A_RULE, ComparisonConfig, compare
from eval.evidence import Evidence
from eval.gates.config import GatesConfig
from eval.gates.outcomes import evaluate_gates, failed


@dataclass(frozen=True)
class Decision:
    """Three keys of report.json; docs/gates.md has their form."""

    gates: list[dict[str, Any]]
    comparison: dict[str, Any] | None
    findings: list[dict[str, Any]]

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The gates that did not hold."""
        return failed(self.gates)

    def add_to(self, report: Mapping[str, Any]) -> dict[str, Any]:
        """The report with the keys `gates`, `comparison` and `findings`; without a promoted model no `comparison`."""
        keys: dict[str, Any] = {"gates": self.gates, "findings": self.findings}
        bare = {key: value for key, value in report.items() if key != "comparison"}
        return bare | keys | ({"comparison": self.comparison} if self.comparison is not None else {})


def decide(
    now: Evidence,
    config: GatesConfig,
    baselines: Sequence[tuple[Evidence, Mapping[str, Any]]] = (),
    compared: ComparisonConfig = AS_A_RULE,
) -> Decision:
    """Compare with the baseline, hold the gates against the report, and look into what is wrong.

    Args:
        now: the evaluation that is judged.
        baselines: the evaluation of the promoted model, then of the best so far where that is another, each with what
            the report says of it (name, report, promoted); empty where nothing is promoted. The first is what is
            compared with; losses are held against all.
        compared: how it is compared with.

    Raises:
        InputError: the report has no scores.
    """
    rules = config.parsed
    comparisons = [{"baseline": dict(facts)} | compare(baseline, now, compared) for baseline, facts in baselines]
    comparison, baseline = (comparisons[0], baselines[0][0]) if baselines else (None, None)
    gates = evaluate_gates(now, rules, comparisons, config.strict)
    return Decision(gates, comparison, investigate(questions(now, baseline, comparison, gates, rules)))
