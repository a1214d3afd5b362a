"""Gates know chance: back-tests by simulation, the exact power of a worst share, intervals, the strict way."""

from typing import Any

import numpy as np
import pytest

from eval.evidence import Evidence
from eval.gates.config import parse_rule
from eval.gates.outcomes import evaluate_gates
from eval.scoring.direction_scores import DirectionScores
from eval.scoring.pooled_shares import pooled_shares
from parley.languages.table import directions, pair
from parley.metrics.ngrams import Floats
from parley.metrics.significance import Bootstrap

LIMIT = 0.02
DIRECTIONS = list(directions())
INTO_THAI = np.array([pair(direction)[1] == "th" for direction in DIRECTIONS])
GAP = {"a": "teacher", "b": "student"}


def judge(rule: str, report: dict[str, Any], strict: bool = False) -> dict[str, Any]:
    return evaluate_gates(Evidence(report), {"gate": parse_rule("gate", rule)}, strict=strict)[0]


def report_of(failed: Floats, draw: Bootstrap | None = None) -> dict[str, Any]:
    """Report of one system whose outputs failed or not: [messages, directions]; pooled by language with a draw."""
    n, shares = len(failed), failed.mean(0)
    scores = [{"looping": float(share)} for share in shares]
    pairs = {d: {"n": n, "systems": {"teacher": one}} for d, one in zip(DIRECTIONS, scores, strict=True)}
    report: dict[str, Any] = {"mean": {"teacher": {}}, "pairs": pairs}
    if draw:
        samples = draw.sums(failed.astype(np.int64), range(n)) / n
        found = {
            ("teacher", direction): DirectionScores(n, scores[place], {"looping": samples[:, place]})
            for place, direction in enumerate(DIRECTIONS)
        }
        report["into"] = {"teacher": pooled_shares(found, "teacher")}
    return report


def alarms(rates: Floats, draws: int, messages: int, together: float = 0.0, pooled: bool = True) -> float:
    """Share of draws in which the gate fails.

    Args:
        rates: [directions] true share of failures.
        together: how much failures depend on the message: intraclass correlation.
    """
    generator = np.random.default_rng(1)
    draw = Bootstrap(messages, 200) if pooled else None
    count = 0
    for _ in range(draws):
        hard = generator.beta(*(LIMIT, 1 - LIMIT) * np.array(1 / together - 1), messages) / LIMIT if together else 1.0
        chances = np.multiply.outer(np.broadcast_to(hard, messages), rates)
        gate = judge(f"worst.looping <= {LIMIT}", report_of(generator.random(chances.shape) < chances, draw))
        count += gate["passed"] is False
    return count / draws


@pytest.mark.slow
@pytest.mark.parametrize("together", [0.0, 0.05])
def test_true_values_at_the_limit_seldom_fail(together: float) -> None:
    assert alarms(np.full(len(DIRECTIONS), LIMIT), 1000, 40, together) <= 0.05


def test_a_language_at_three_times_the_limit_fails() -> None:
    assert alarms(np.where(INTO_THAI, 3 * LIMIT, 0.0), 100, 40) >= 0.9


@pytest.mark.parametrize(("messages", "power"), [(40, 0.031), (490, 0.9)])
def test_one_direction_at_three_times_the_limit_is_seen_as_often_as_arithmetic_allows(
    messages: int, power: float
) -> None:
    rates = np.where(np.arange(len(DIRECTIONS)) == 7, 3 * LIMIT, 0.0)
    assert alarms(rates, 200, messages, pooled=False) == pytest.approx(power, abs=0.05)


@pytest.mark.parametrize(("hits", "passed"), [(5, True), (6, False)])
def test_a_share_beyond_the_limit_says_whether_it_is_chance(hits: int, passed: bool) -> None:
    failed = np.zeros((40, len(DIRECTIONS)), bool)
    failed[:hits, 7] = True
    gate = judge(f"worst.looping <= {LIMIT}", report_of(failed))
    assert (gate["passed"], gate["pair"], gate["value"]) == (passed, DIRECTIONS[7], hits / 40)
    assert gate["note"].startswith("within chance; 1 of 240 directions") is passed
    assert judge(f"worst.looping <= {LIMIT}", report_of(failed), strict=True)["passed"] is False


def test_a_language_that_fails_as_a_whole_is_named() -> None:
    failed = np.zeros((40, len(DIRECTIONS)), bool)
    for place in np.flatnonzero(INTO_THAI):  # four other messages in each direction: none fails by itself
        failed[[(4 * place + k) % 40 for k in range(4)], place] = True
    gate = judge(f"worst.looping <= {LIMIT}", report_of(failed, Bootstrap(40, 200)))
    assert (gate["passed"], gate["pair"], round(gate["value"], 9)) == (False, None, 0.1)
    assert gate["note"].startswith("15 of 240 directions: *-th 0.1")


def gap_report(delta: float, ci: list[float]) -> dict[str, Any]:
    pairs = {
        direction: {
            "n": 40,
            "systems": {"teacher": {"chrf": 50.0}, "student": {"chrf": 50.0 + change}},
            "comparisons": [GAP | {"delta": change, "delta_ci": bounds}],
        }
        for direction, change, bounds in (("en-fr", delta, ci), ("fr-en", 0.0, [-1.0, 1.0]))
    }
    both = [GAP | {"delta": delta / 2, "delta_ci": [end / 2 for end in ci]}]
    return {"mean": {"teacher": {}, "student": {}}, "pairs": pairs, "comparisons": both}


@pytest.mark.parametrize("figure", ["gap.mean <= 4", "gap.worst <= 8", "gap.share <= 0.08"])
@pytest.mark.parametrize(("ci", "passed"), [([-20.0, 0.0], True), ([-10.5, -9.5], False)])
def test_gaps_by_their_intervals(figure: str, ci: list[float], passed: bool) -> None:
    gate = judge(f"student {figure}", gap_report(-10.0, ci))
    assert gate["passed"] is passed
    assert ("within chance" in gate["note"]) is passed
    turned = gap_report(10.0, [-end for end in reversed(ci)])
    turned["pairs"]["fr-en"]["systems"]["teacher"]["chrf"] = 50.0
    assert judge(f"teacher vs student {figure}", turned)["passed"] is passed


def test_without_an_interval_the_figure_itself_counts() -> None:
    assert judge("student gap.mean.bleu <= 1", gap_report(-10.0, [-20.0, 0.0]))["passed"] is None
    report = {"mean": {"teacher": {}}, "pairs": {"en-fr": {"n": 9, "systems": {"teacher": {"chrf": 30.0}}}}}
    assert judge("worst.chrf >= 30.1", report)["passed"] is False
    report["pairs"]["en-fr"]["systems"]["teacher"]["chrf_ci"] = [28.0, 32.0]  # type: ignore[index]
    assert judge("worst.chrf >= 30.1", report)["passed"] is True
