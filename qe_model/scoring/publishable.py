"""What may go out without a look: translations whose penalty is so low that nearly all such have no serious error."""

from typing import Final

import numpy as np

from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.arrays import Bools, Floats

PRECISION: Final = 0.9  # share of what goes out that must have no major or critical error
LEAST: Final = 20  # translations that go out at least, or the share says nothing
NOTHING: Final = -1.0  # below every penalty


def has_serious_error(translation: AnnotatedTranslation) -> bool:
    """Whether at least half of the raters marked a major or critical error in the translation."""
    serious = (span for span in translation.spans if span.side == "target" and span.severity != "minor")
    return 2 * len({span.rater for span in serious}) >= max(1, len(translation.raters))


def publishable_penalty(penalties_N: Floats, serious_N: Bools) -> float:
    """The highest penalty up to which at least `PRECISION` of the translations have no serious error; tune it on dev.

    `NOTHING` where no such penalty lets `LEAST` translations out.
    """
    order = np.argsort(penalties_N, kind="stable")
    ordered, count = penalties_N[order], np.arange(1, len(order) + 1)
    last_of_value = np.append(ordered[1:] != ordered[:-1], True)[: len(order)]
    clean = np.cumsum(~serious_N[order]) / count
    found = np.flatnonzero(last_of_value & (clean >= PRECISION) & (count >= LEAST))
    return float(ordered[found[-1]]) if len(found) else NOTHING
