"""Bootstrap: sums equal explicit resampling, intervals cover, paired beats unpaired."""

import tracemalloc

import numpy as np
import pytest
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from parley.metrics.chrf import Chrf, chrf_statistics
from parley.metrics.significance import (
    Bootstrap,
    Correction,
    adjusted,
    interval,
    mean_difference,
    p_value,
    unpaired_difference,
)


def mean_score(sums: np.ndarray) -> np.ndarray:
    """Counts [B, 2] of (points, messages) -> points per message."""
    return np.where(sums[:, 1] > 0, sums[:, 0] / np.maximum(sums[:, 1], 1), np.nan)


def counts(points: np.ndarray) -> np.ndarray:
    return np.stack([points, np.ones_like(points)], axis=1).astype(np.int64)


def test_every_sample_draws_as_many_messages_as_there_are() -> None:
    ones = np.ones((40, 1), np.int64)
    assert (Bootstrap(40, samples=200).sums(ones, range(40)) == 40).all()


def test_sums_equal_explicit_resampling() -> None:
    values = np.random.default_rng(0).integers(0, 9, (30, 4))
    bootstrap = Bootstrap(30, samples=50, seed=7)
    generator = np.random.default_rng(7)
    expected = [values[generator.integers(0, 30, 30)].sum(0) for _ in range(50)]
    np.testing.assert_array_equal(bootstrap.sums(values, range(30)), expected)


@pytest.mark.parametrize("limit", ["_BLOCK", "_KEPT"])
def test_blocks_do_not_change_the_sums(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(0, 9, (30, 4))
    whole = Bootstrap(30, samples=50).sums(values, range(30))
    monkeypatch.setattr(f"parley.metrics.significance.{limit}", 7 * 30)
    bootstrap = Bootstrap(30, samples=50)
    for _ in range(2):
        np.testing.assert_array_equal(bootstrap.sums(values, range(30)), whole)


def test_many_weights_do_not_lie_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley.metrics.significance._KEPT", 1 << 20)
    bootstrap, ones = Bootstrap(20_000, samples=4000), np.ones((20_000, 1), np.int64)
    tracemalloc.start()
    try:
        bootstrap.sums(ones, range(20_000))
        assert tracemalloc.get_traced_memory()[1] < 40 << 20  # all of them are 76 MiB
        assert tracemalloc.get_traced_memory()[0] < 1 << 20
    finally:
        tracemalloc.stop()


def test_large_counts_stay_exact() -> None:
    values = np.full((30, 1), 2**40 + 1)
    assert (Bootstrap(30, samples=50).sums(values, range(30)) == 30 * (2**40 + 1)).all()


def test_the_seed_decides() -> None:
    values = np.arange(20).reshape(20, 1)
    draws = [Bootstrap(20, 50, seed).sums(values, range(20)) for seed in (1, 1, 2)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()


def test_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    hits = 0
    for seed in range(200):
        sample = counts(generator.binomial(10, 0.3, 80))
        low, high = interval(mean_score(Bootstrap(80, 300, seed).sums(sample, range(80))))
        hits += low <= 3.0 <= high
    assert 0.89 <= hits / 200 <= 0.99


def test_one_message_of_many_leaves_empty_samples_out() -> None:
    sums = Bootstrap(100, 200).sums(counts(np.array([5])), [17])
    assert np.isnan(mean_score(sums)).any()
    assert interval(mean_score(sums)) == (5.0, 5.0)


def paired(a: np.ndarray, b: np.ndarray, samples: int) -> np.ndarray:
    """[samples] differences under one draw for both sides."""
    bootstrap = Bootstrap(len(a), samples)
    return mean_score(bootstrap.sums(a, range(len(a)))) - mean_score(bootstrap.sums(b, range(len(b))))


def test_paired_differences_see_through_what_messages_have_in_common() -> None:
    generator = np.random.default_rng(1)
    hard = generator.integers(0, 100, 200)
    a, b = counts(hard + 2 + generator.integers(0, 2, 200)), counts(hard)
    deltas = paired(a, b, 500)
    low, high = interval(deltas)
    assert 2 < low < 2.5 < high < 3
    assert p_value(deltas) < 0.01
    alone = interval(mean_score(Bootstrap(200, 500).sums(a, range(200))))
    assert high - low < (alone[1] - alone[0]) / 10


def test_no_difference_is_not_significant() -> None:
    same = counts(np.arange(50))
    assert p_value(paired(same, same, 200)) == 1.0


def test_mean_difference_over_directions() -> None:
    a = [np.array([3.0, 4.0, np.nan]), np.array([5.0, 6.0, 7.0])]
    b = [np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 5.0])]
    assert mean_difference(a, b).delta == pytest.approx((2 + 2 + 3) / 3)


def test_unpaired_difference_is_wider_than_paired() -> None:
    generator = np.random.default_rng(1)
    hard = generator.integers(0, 100, 200)
    a, b = counts(hard + 2), counts(hard)
    found = unpaired_difference(a, b, mean_score, 500)
    assert found.delta == 2.0
    assert found.interval[1] - found.interval[0] > 5
    assert found.p_value > 0.05 > p_value(paired(a, b, 500))


def test_unpaired_sides_may_differ_in_length() -> None:
    found = unpaired_difference(counts(np.full(50, 9)), counts(np.full(80, 2)), mean_score, 200)
    assert (found.delta, found.interval) == (7.0, (7.0, 7.0))


def test_draws_are_those_of_sacrebleus_paired_test() -> None:
    generator = np.random.default_rng(3)
    references = ["".join(generator.choice(list("abcd efg"), 30)) for _ in range(60)]
    systems = [["".join(c if generator.random() > rate else "x" for c in r) for r in references] for rate in (0.2, 0.3)]
    named: list[tuple[str, list[str]]] = [("base", systems[1]), ("ours", systems[0])]
    _, scores = PairedTest(named, {"chrF": CHRF(references=[references])}, None, "bs", n_samples=300)()  # type: ignore[arg-type]
    draw, chrf = Bootstrap(60, 300, seed=12345), Chrf()
    counted = [chrf_statistics(outputs, references) for outputs in reversed(systems)]
    mine = [chrf.scores(draw.sums(counts, range(60))) for counts in counted]
    points = [chrf.score(counts.sum(0), "en") for counts in counted]
    for point, samples, theirs in zip(points, mine, scores["chrF2"], strict=True):
        assert [point, samples.mean()] == pytest.approx([theirs.score, theirs.mean], rel=1e-6)  # type: ignore[union-attr]  # it adds up in float32
    apart = np.abs(mine[1] - mine[0])
    extreme = (apart - apart.mean() > abs(points[1] - points[0])).sum()
    assert (extreme + 1) / 301 == scores["chrF2"][1].p_value  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("correction", "expected"),
    [
        ("none", [0.01, 0.04, 0.03, 0.005]),
        ("holm", [0.03, 0.06, 0.06, 0.02]),  # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
        ("benjamini_hochberg", [0.02, 0.04, 0.04, 0.02]),  # R: p.adjust(..., "BH")
    ],
)
def test_corrections_equal_those_of_r(correction: Correction, expected: list[float]) -> None:
    assert adjusted([0.01, 0.04, 0.03, 0.005], correction) == pytest.approx(expected)


def test_holm_keeps_false_alarms_rare_where_no_correction_has_many() -> None:
    p_values = np.random.default_rng(0).uniform(size=(300, 240))
    alarms = {kind: np.mean([(adjusted(row, kind) < 0.05).any() for row in p_values]) for kind in ("none", "holm")}  # type: ignore[arg-type]
    assert alarms["none"] > 0.99
    assert alarms["holm"] < 0.08


def test_benjamini_hochberg_bounds_the_share_of_false_alarms() -> None:
    generator = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        row = np.concatenate([generator.uniform(0, 1e-3, 40), generator.uniform(size=200)])
        alarms = adjusted(row, "benjamini_hochberg") < 0.05
        shares.append(alarms[40:].sum() / max(1, alarms.sum()))
    assert np.mean(shares) < 0.05


def test_no_test_needs_no_correction() -> None:
    assert len(adjusted([], "holm")) == 0


@pytest.mark.parametrize(("values", "correction"), [([0.1], "bonferoni"), ([1.2], "holm"), ([float("nan")], "holm")])
def test_corrections_refuse_nonsense(values: list[float], correction: str) -> None:
    with pytest.raises(ValueError, match=r"correction is|between 0 and 1"):
        adjusted(values, correction)  # type: ignore[arg-type]


@pytest.mark.parametrize(("messages", "samples"), [(0, 10), (10, 0)])
def test_nothing_to_draw(messages: int, samples: int) -> None:
    with pytest.raises(ValueError, match="needs messages and samples"):
        Bootstrap(messages, samples)
