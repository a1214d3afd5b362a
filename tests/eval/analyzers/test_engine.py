"""Discovery, chains of questions, ranking; and that every analyzer brings its own back-test."""

from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from eval.analyzers import engine
from eval.analyzers.case import Finding, Question, Side
from eval.analyzers.engine import discover, investigate, questions
from eval.evidence import Evidence
from eval.gates.config import GateRule, GatesConfig

HERE = Path(__file__).parent
SIDE = Side(Evidence({"pairs": {}}), "teacher")
LOSS = Question("loss", SIDE, SIDE, ("fr-th",), chain=("regression of fr-th",))


def finding(title: str, strength: float, **fields: object) -> Finding:
    values = {"kind": "cause", "strength": strength, "title": title, "pairs": ("fr-th",), "evidence": (), "next": ""}
    return Finding(**(values | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(discover()))
def test_every_analyzer_has_topics_and_a_back_test_that_plants_its_fault(name: str) -> None:
    module = discover()[name]
    assert {"loss", "gap", "level", "language"} >= module.TOPICS
    assert module.__doc__
    text = (HERE / f"test_{name}.py").read_text(encoding="utf-8")
    assert "found[0]" in text  # the fault ranks first
    assert "== []" in text  # and without it there is none


def test_the_package_holds_the_analyzers() -> None:
    assert set(discover()) >= {
        *("data_change", "decoding_anomalies", "dimensions", "direction_groups", "quantization", "routing_shift"),
        "vocabulary",
    }


def use(monkeypatch: pytest.MonkeyPatch, **analyzers: SimpleNamespace) -> None:
    found: dict[str, ModuleType] = analyzers  # type: ignore[assignment]
    monkeypatch.setattr(engine, "discover", lambda: found)


def test_findings_lead_to_other_analyzers(monkeypatch: pytest.MonkeyPatch) -> None:
    where = finding("into th", 0.9, kind="place", leads_to=(LOSS.follow(topic="language", language="th"),))
    first = SimpleNamespace(TOPICS={"loss"}, analyze=lambda question: [where])
    second = SimpleNamespace(
        TOPICS={"language"}, analyze=lambda question: [finding(f"cause in {question.language}", 0.6)]
    )
    use(monkeypatch, first=first, second=second)
    found = investigate([LOSS])
    assert [(one["rank"], one["title"]) for one in found] == [(1, "cause in th"), (2, "into th")]
    assert found[0]["chain"] == ["regression of fr-th", "first", "second"]


def test_chains_end(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Question] = []

    def analyze(question: Question) -> list[Finding]:
        calls.append(question)
        return [finding("again", 0.5, leads_to=(question.follow(language=f"{question.language}x"),))]

    use(monkeypatch, loop=SimpleNamespace(TOPICS={"loss"}, analyze=analyze))
    assert len(investigate([LOSS, LOSS])) == 1
    assert len(calls) == engine.MAX_DEPTH - 1


def test_weak_findings_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, weak=SimpleNamespace(TOPICS={"loss"}, analyze=lambda question: [finding("hardly", 0.01)]))
    assert investigate([LOSS]) == []


def test_failed_gates_ask_about_the_worst_directions() -> None:
    pairs = {
        name: {"n": 5, "systems": {"student": {"chrf": score}}} for name, score in (("en-fr", 40.0), ("fr-th", 9.0))
    }
    now = Evidence({"mean": {"student": {"chrf": 24.5}}, "pairs": pairs})
    config = GatesConfig({"level": GateRule("mean.chrf", at_least=30), "size": GateRule("size.bytes", at_most=1)})
    gates = [
        {"name": "level", "passed": False, "system": "student"},
        {"name": "size", "passed": False, "system": "student"},
    ]
    asked = questions(now, None, None, gates, config)
    assert [(question.topic, question.pairs, question.chain) for question in asked] == [
        ("level", ("fr-th", "en-fr"), ("gate level",))
    ]
