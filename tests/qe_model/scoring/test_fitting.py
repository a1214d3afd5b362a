import numpy as np
import pytest

from qe_model.scoring.decisions import Decisions
from qe_model.scoring.fitting import best_severity_bias, calibrate, tuned_threshold


def probabilities(bad: np.ndarray) -> np.ndarray:
    """[N, 4]: bad shared equally by the severities."""
    return np.concatenate([1 - bad[:, None], np.repeat(bad[:, None] / 3, 3, 1)], 1)


def test_the_threshold_is_the_best_of_all() -> None:
    generator = np.random.default_rng(0)
    wanted = (generator.random(500) < 0.2).astype(int)
    bad = np.clip(0.2 + 0.25 * wanted + 0.2 * generator.normal(size=500), 0.01, 0.99)
    threshold, reached = tuned_threshold(probabilities(bad), wanted)
    each = [np.corrcoef(bad >= value, wanted)[0, 1] for value in np.unique(bad)[1:]]
    assert reached == pytest.approx(max(each))
    assert np.corrcoef(bad >= threshold, wanted)[0, 1] == pytest.approx(reached)


@pytest.mark.parametrize("wanted", [np.zeros(5, int), np.ones(5, int)])
def test_one_kind_of_words_decides_nothing(wanted: np.ndarray) -> None:
    assert tuned_threshold(probabilities(np.linspace(0.1, 0.9, 5)), wanted) == (0.5, 0.0)


def test_severities_get_the_bias_that_balances_them() -> None:
    generator = np.random.default_rng(2)
    wanted = generator.choice([0, 1, 2], 600, p=[0.5, 0.4, 0.1])
    table = np.full((600, 4), 0.001)
    table[wanted == 0] = [0.9, 0.07, 0.02, 0.01]
    table[wanted == 1] = [0.1, 0.8, 0.09, 0.01]
    table[wanted == 2] = [0.1, 0.5, 0.39, 0.01]  # major is never the likeliest
    bias = best_severity_bias(table, wanted, 0.5)
    assert bias[1] > 0
    assert (Decisions(severity_bias=bias).severities(table, 0.5) == wanted).all()


def test_calibration_rises_and_follows_the_means() -> None:
    generator = np.random.default_rng(3)
    raw = generator.uniform(0, 40, 4000)
    wanted = np.where(raw < 10, 0.0, (raw - 10) / 2) + generator.normal(size=4000)
    decisions = Decisions(calibration={"*": calibrate(raw, wanted)})
    points = [decisions.penalty(value, "mqm", "en-de") for value in np.linspace(0, 100, 201)]
    assert (np.diff(points) > 0).all()
    assert decisions.penalty(30.0, "mqm", "en-de") == pytest.approx(10, abs=1.0)
    assert decisions.penalty(5.0, "mqm", "en-de") < 1


def test_decisions_are_kept_on_disk(tmp_path) -> None:  # type: ignore[no-untyped-def]
    decisions = Decisions(
        {"target": {"*": 0.2, "mqm/en-de": 0.3, "mqm/*": 0.25}, "gaps": {"*": 0.5}, "source": {"*": 0.5}},
        {"*": 0.1, "mqm/en-de": 0.4},
        {"mqm/*": 2.0, "mqm/en-de": -1.0},
        {"mqm/*": {"0.9": 1.5}},
        (0.0, 0.5, -0.5),
        {"*": ((0.0, 0.0), (1.0, 1.0)), "mqm/en-de": ((0.0, 0.0), (2.0, 3.0))},
        "spans",
    )
    decisions.save(tmp_path)
    assert Decisions.load(tmp_path) == decisions
    keys = (("mqm", "en-de"), ("mqm", "fr-th"), ("tags", "en-de"))
    assert [decisions.threshold("target", *key) for key in keys] == [0.3, 0.25, 0.2]
    assert [decisions.tie(*key) for key in keys] == [0.4, 0.1, 0.1]
    assert [decisions.may_go_out(2.0, *key) for key in keys] == [False, True, False]
    assert [decisions.penalty(2.0, *key) for key in keys] == [3.0, 2.0, 2.0]
