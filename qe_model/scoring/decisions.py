"""From probabilities to decisions: thresholds, severities and a calibrated penalty, all chosen on dev data only."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import POINTS, STYLES
from qe_model.arrays import Floats
from qe_model.scoring.publishable import NOTHING

T = TypeVar("T")

FILE: Final = "decisions.json"
ANY: Final = "*"
UNITS: Final = ("target", "gaps", "source")
Curve = tuple[tuple[float, float], ...]  # points (x, y)
STRAIGHT: Final[Curve] = ((0.0, 0.0), (1.0, 1.0))


@dataclass(frozen=True)
class Decisions:
    """What turns the model's probabilities into answers.

    Attributes:
        thresholds: by unit (`target`, `gaps`, `source`) and key: bad where the probability of bad is at least this.
            Keys, most special first: `style/direction`, `style/*`, `*`.
        error_free: likewise without units, by precision: the highest penalty at which so many have no error.
        severity_bias: added to the log-probabilities of minor, major and critical before the largest is taken.
        ties: likewise without units: penalties of two translations of one source that differ by no more count as equal.
        publishable: likewise, the highest penalty of translations that may go out without a look (`publishable`).
        calibration: likewise, rising points (raw, penalty): expected points summed over words -> points people give.
        style: of the annotators that scoring follows unless it is told another.
    """

    thresholds: dict[str, dict[str, float]] = field(default_factory=lambda: {unit: {ANY: 0.5} for unit in UNITS})
    ties: dict[str, float] = field(default_factory=dict)
    publishable: dict[str, float] = field(default_factory=dict)
    error_free: dict[str, dict[str, float]] = field(default_factory=dict)
    severity_bias: tuple[float, float, float] = (0.0, 0.0, 0.0)
    calibration: dict[str, Curve] = field(default_factory=lambda: {ANY: STRAIGHT})
    style: str = STYLES[0]

    def threshold(self, unit: str, style: str, direction: str) -> float:
        """The threshold of the most special key there is."""
        return _most_special(self.thresholds[unit], style, direction, 0.5)

    def tie(self, style: str, direction: str) -> float:
        """The largest difference of penalties that is a tie, of the most special key there is."""
        return _most_special(self.ties, style, direction, 0.0)

    def may_go_out(self, penalty: float, style: str, direction: str) -> bool:
        """Whether a translation with this penalty may be published without a look; never where dev told nothing."""
        return penalty <= _most_special(self.publishable, style, direction, NOTHING)

    def severities(self, probabilities_N4: Floats, threshold: float) -> Floats:
        """Labels [N]: 0 ok, else the likeliest severity after the bias."""
        worst = (np.log(np.maximum(probabilities_N4[:, 1:], 1e-12)) + np.array(self.severity_bias)).argmax(-1) + 1
        return np.where(1 - probabilities_N4[:, 0] >= threshold, worst, 0)

    def raw_penalty(self, target_N4: Floats, gaps_G4: Floats) -> float:
        """Sum over words and gaps of the expected points.

        Words, not spans, are summed: so it never falls when more words are wrong, also where errors grow together.
        """
        return float(expected_points(target_N4).sum() + expected_points(gaps_G4).sum())

    def penalty(self, raw: float, style: str, direction: str) -> float:
        """Calibrated points; beyond the last point the mean slope goes on."""
        x, y = np.array(_most_special(self.calibration, style, direction, STRAIGHT)).T
        if raw <= x[-1] or len(x) < 2:
            return float(np.interp(raw, x, y))
        return float(y[-1] + (raw - x[-1]) * (y[-1] - y[0]) / max(x[-1] - x[0], 1e-9))

    def save(self, folder: Path) -> None:
        """Write `decisions.json`."""
        write_json(folder / FILE, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> "Decisions":
        """Read `decisions.json`.

        Raises:
            InputError: missing or not readable.
        """
        try:
            values = json.loads((folder / FILE).read_text(encoding="utf-8"))
            return cls(
                values["thresholds"],
                values["ties"],
                values["publishable"],
                values.get("error_free", {}),
                tuple(values["severity_bias"]),
                {key: tuple((x, y) for x, y in curve) for key, curve in values["calibration"].items()},
                str(values["style"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{folder / FILE}: not readable ({error}); is this a quality-estimation model?") from error


def expected_points(probabilities_N4: Floats) -> Floats:
    """Penalty points that each of [N] words is expected to cost."""
    return probabilities_N4 @ np.array([0.0, *POINTS.values()])


def _most_special(known: Mapping[str, T], style: str, direction: str, default: T) -> T:
    """The value of the most special key there is."""
    keys = (f"{style}/{direction}", f"{style}/{ANY}", ANY)
    return next((known[key] for key in keys if key in known), default)
