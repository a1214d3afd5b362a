"""Discovery, chains of questions, ranking; and that every analyzer brings its own back-test."""

from pathlib import Path

import pytest

from eval.analyzers import investigation
from eval.analyzers.finding import Finding
from eval.analyzers.investigation import investigate, questions
from eval.analyzers.question import Question, Side
from eval.analyzers.registry import ANALYZERS, Analyzer, Answers, Topic, analyzer
from eval.evidence import Evidence
from eval.gates.config import parse_rule
from parley.registry import Registry

HERE = Path(__file__).parent
SIDE = Side(Evidence({"pairs": {}}), "teacher")
LOSS = Question("loss", SIDE, SIDE, ("fr-th",), chain=("regression of fr-th",))


def finding(title: str, strength: float, **fields: object) -> Finding:
    values = {"kind": "cause", "strength": strength, "title": title, "pairs": ("fr-th",), "evidence": (), "next": ""}
    return Finding(**(values | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ANALYZERS.names())
def test_every_analyzer_has_topics_and_a_back_test_that_plants_its_fault(name: str) -> None:
    assert {"loss", "gap", "level", "language"} >= ANALYZERS[name].topics
    assert ANALYZERS[name].analyze.__doc__
    text = (HERE / f"test_{name}.py").read_text(encoding="utf-8")
    assert "found[0]" in text  # the fault ranks first
    assert "== []" in text  # and without it there is none


def test_the_package_holds_the_analyzers() -> None:
    assert set(ANALYZERS.names()) >= {
        *("data_change", "decoding_anomalies", "dimensions", "direction_groups", "quantization", "routing_shift"),
        *("quality_errors", "vocabulary"),
    }


def use(monkeypatch: pytest.MonkeyPatch, **analyzers: tuple[Topic, Answers]) -> None:
    found = Registry[Analyzer]("analyzer", "eval.analyzers")
    found._loaded = True
    for name, (topic, answers) in analyzers.items():
        found.register(name)(Analyzer(frozenset({topic}), answers))
    monkeypatch.setattr(investigation, "ANALYZERS", found)


def test_an_analyzer_from_elsewhere_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    added = Registry[Analyzer]("analyzer", "eval.analyzers")
    monkeypatch.setattr("eval.analyzers.registry.ANALYZERS", added)
    monkeypatch.setattr(investigation, "ANALYZERS", added)

    @analyzer("weekday", "loss")
    def weekday(question: Question) -> list[Finding]:
        return [finding(f"it is Monday for {question.pairs[0]}", 0.9)]

    assert [(one["analyzer"], one["title"]) for one in investigate([LOSS])] == [("weekday", "it is Monday for fr-th")]


def test_findings_lead_to_other_analyzers(monkeypatch: pytest.MonkeyPatch) -> None:
    where = finding("into th", 0.9, kind="place", leads_to=(LOSS.follow(topic="language", language="th"),))
    use(
        monkeypatch,
        first=("loss", lambda question: [where]),
        second=("language", lambda question: [finding(f"cause in {question.language}", 0.6)]),
    )
    found = investigate([LOSS])
    assert [(one["rank"], one["title"]) for one in found] == [(1, "cause in th"), (2, "into th")]
    assert found[0]["chain"] == ["regression of fr-th", "first", "second"]


def test_chains_end(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Question] = []

    def analyze(question: Question) -> list[Finding]:
        calls.append(question)
        return [finding("again", 0.5, leads_to=(question.follow(language=f"{question.language}x"),))]

    use(monkeypatch, loop=("loss", analyze))
    assert len(investigate([LOSS, LOSS])) == 1
    assert len(calls) == investigation.MAX_DEPTH - 1


def test_weak_findings_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, weak=("loss", lambda question: [finding("hardly", 0.01)]))
    assert investigate([LOSS]) == []


def test_failed_gates_ask_about_the_worst_directions() -> None:
    pairs = {
        name: {"n": 5, "systems": {"student": {"chrf": score}}} for name, score in (("en-fr", 40.0), ("fr-th", 9.0))
    }
    now = Evidence({"mean": {"student": {"chrf": 24.5}}, "pairs": pairs})
    rules = {name: parse_rule(name, text) for name, text in (("level", "mean.chrf >= 30"), ("size", "size.bytes <= 1"))}
    gates = [
        {"name": "level", "passed": False, "system": "student"},
        {"name": "size", "passed": False, "system": "student"},
    ]
    asked = questions(now, None, None, gates, rules)
    assert [(question.topic, question.pairs, question.chain) for question in asked] == [
        ("level", ("fr-th", "en-fr"), ("gate level",))
    ]
