"""A metric registered outside of this project is in report.json, pages, gates and comparison."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.comparison import ComparisonConfig
from eval.config import EvaluationConfig
from eval.evidence import load_evidence
from eval.gates.config import GatesConfig
from eval.gates.decision import decide
from eval.report.stage import ReportStage
from parley.metrics.metric import MeanMetric, Translations
from parley.metrics.registry import METRICS, metric
from parley.pipeline.manifest import write_manifest
from tests.eval.example_evaluation import ExampleEvaluation
from tests.eval.examples import Phrasebook, testset
from tests.eval.stage_folders import manifest
from tests.registries import may_change


class Forgetful(Phrasebook):
    """Knows every second answer."""

    def translate_many(self, texts, sources, targets):  # type: ignore[no-untyped-def]
        answers = super().translate_many(texts, sources, targets)
        return [answer if place % 2 else "…" for place, answer in enumerate(answers)]


@pytest.fixture
def exact_match(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    may_change(METRICS, monkeypatch)

    @metric
    class ExactMatch(MeanMetric):
        name, label = "exact_match", "Exact match"

        def values(self, texts: Translations) -> list[float]:
            return [100.0 * (h == r) for h, r in zip(texts.hypotheses, texts.references, strict=True)]

    return


def report(root: Path, weak: type[Phrasebook]) -> Path:
    """The report of a good and a weaker system, led by the new metric."""
    config = EvaluationConfig(metrics=["exact_match", "chrf"], perturbed_messages=0)
    folders = {}
    for system, kind in (("teacher", Phrasebook), ("student", weak)):
        stage = ExampleEvaluation(config, kind(testset()))
        stage.system = system
        out = folders[system] = root / system / "print"
        write_manifest(out, manifest(system, {}, stage.run(out, {})))
    ReportStage(config).run(root / "report", folders)
    return root / "report"


@pytest.mark.usefixtures("exact_match")
def test_report_pages_gates_and_comparison_have_it(tmp_path: Path) -> None:
    before, after = report(tmp_path / "one", Phrasebook), report(tmp_path / "two", Forgetful)
    found = json.loads((after / "report.json").read_text(encoding="utf-8"))
    assert found["mean"]["teacher"]["exact_match"] == 100.0
    weaker = found["mean"]["student"]["exact_match"]
    assert found["mean"]["student"]["exact_match_ci"][0] < weaker < 80.0
    assert found["pairs"]["en-fr"]["comparisons"][0]["delta"] < 0

    overview = (after / "index.html").read_text(encoding="utf-8")
    assert "Exact match, teacher" in overview  # its heat map
    assert "mean Exact match" in overview
    assert "Exact match" in (after / "pairs/en-fr.html").read_text(encoding="utf-8")
    assert "| Exact match |" in (after / "summary.md").read_text(encoding="utf-8")

    rules = {"level": "student mean.exact_match >= 90", "gap": "student gap.worst.exact_match <= 1"}
    evidence = [load_evidence(folder) for folder in (after, before)]
    decision = decide(evidence[0], GatesConfig(rules), [(evidence[1], {})], compared=ComparisonConfig(samples=500))
    assert [gate["passed"] for gate in decision.gates] == [False, False]
    assert decision.gates[0]["value"] == pytest.approx(weaker)
    assert decision.comparison is not None
    assert decision.comparison["metric"] == "exact_match"
    assert decision.comparison["systems"]["student"]["mean"]["before"] == 100.0
