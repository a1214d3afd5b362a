"""What may go out without a look: precision and coverage on held-out translations."""

import numpy as np
import pytest

from qe_model.evaluation.error_free import error_free
from qe_model.scoring.decisions import Decisions

ROWS = [("en-de", f"d{row}", float(row), row >= 20) for row in range(50)]
OTHERS = [("en-fr", f"f{row}", 90.0, False) for row in range(50)]


def penalty_of(score: float) -> float:
    return float(-25 * np.log(score / 100))


def test_a_direction_by_its_own_threshold_and_all_together() -> None:
    decisions = Decisions(
        style="mqm",
        error_free={
            "mqm/en-de": {"0.9": penalty_of(17.5), "0.95": -1.0},
            "mqm/*": {"0.8": penalty_of(95)},
            "chat/en-de": {"0.9": 0.0},
        },
    )
    found = error_free(ROWS + OTHERS, decisions, 100)
    assert found["style"] == "mqm"
    assert found["groups"].keys() == {"en-de", "*"}
    group = found["groups"]["en-de"]
    assert (group["translations"], group["error_free"]["value"]) == (50, 0.6)
    assert group["levels"]["0.95"]["score"] is None  # dev did not reach it
    assert (group["levels"]["0.95"]["precision"]["value"], group["levels"]["0.95"]["coverage"]["value"]) == (None, 0)
    level = group["levels"]["0.9"]
    assert (level["precision"]["value"], level["coverage"]["value"]) == (pytest.approx(30 / 32), pytest.approx(32 / 50))
    assert level["score"] == pytest.approx(17.5)
    assert level["precision"]["ci"][0] < 30 / 32 <= level["precision"]["ci"][1]
    assert found["groups"]["*"]["levels"]["0.8"]["precision"]["value"] is None  # nothing goes out: not measured


def test_the_curve_falls_with_what_goes_out() -> None:
    curve = error_free(ROWS, Decisions(style="mqm", error_free={"mqm/*": {}}), 100)["groups"]["*"]["curve"]
    assert [point[1] for point in curve] == pytest.approx([share / 10 for share in range(1, 11)], abs=0.03)
    assert [point[2] for point in curve] == sorted((point[2] for point in curve), reverse=True)
    assert curve[-1][1:] == (1.0, 0.6)


def test_without_thresholds_or_labels_nothing_is_said() -> None:
    assert error_free(ROWS, Decisions(style="mqm")) == {}
    assert error_free([], Decisions(style="mqm", error_free={"mqm/*": {"0.9": 1.0}})) == {}
