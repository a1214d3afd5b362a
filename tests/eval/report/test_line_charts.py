"""Charts: scales, ticks, and what is left out."""

import pytest

from eval.report.line_charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, chart, charts, ticks


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 100, [0, 50, 100]), (0.2, 0.9, [0.2, 0.4, 0.6, 0.8, 1.0]), (-3, 5, [-4, -2, 0, 2, 4, 6])],
)
def test_ticks_are_round_and_cover(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


def test_a_curve_stays_inside_its_frame() -> None:
    drawn = chart("loss", {"loss": [[10, 7.3], [500, 2.1], [900, 1.4]]})
    points = [tuple(map(float, point.split(","))) for point in drawn.lines[0].points.split()]
    assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT - BOTTOM for x, y in points)
    assert [y for _, y in points] == sorted(y for _, y in points)  # a falling loss falls on the screen
    assert drawn.lines[0].last == 1.4


def test_one_point_and_a_flat_curve_can_be_drawn() -> None:
    assert len(chart("x", {"a": [[0, 2.0]]}).lines) == 1
    assert len(chart("x", {"a": [[1, 2.0], [2, 2.0]]}).y_ticks) > 1


def test_quantities_get_a_chart_each_with_training_and_validation_together() -> None:
    curves = {"loss": [[1, 2.0]], "dev/loss": [[1, 3.0]], "dev/chrf": [[1, 9.0]], "tokens_per_second": [[1, 5.0]]}
    found = charts(curves)
    assert [[line.name for line in drawn.lines] for drawn in found] == [["loss", "dev/loss"], ["dev/chrf"]]
    assert charts({}) == []
