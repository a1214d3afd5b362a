"""What may go out without a look: translations whose penalty is so low that nearly all such are good enough."""

from typing import Final

import numpy as np

from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.arrays import Bools, Floats

PRECISION: Final = 0.9  # share of what goes out that must have no major or critical error
PRECISIONS: Final = (0.8, 0.9, 0.95)  # likewise no error at all
LEAST: Final = 20  # translations that go out at least, or the share says nothing
NOTHING: Final = -1.0  # below every penalty


def has_serious_error(translation: AnnotatedTranslation) -> bool:
    """Whether at least half of the raters marked a major or critical error in the translation."""
    serious = (span for span in translation.spans if span.side == "target" and span.severity != "minor")
    return 2 * len({span.rater for span in serious}) >= max(1, len(translation.raters))


def has_error(translation: AnnotatedTranslation) -> bool:
    """Whether at least half of the raters marked anything, on either side.

    So WMT26 defines what may not be published without a look (detection of error-free segments), beside a direct
    assessment below 85, which annotators of errors do not give.
    """
    return 2 * len({span.rater for span in translation.spans}) >= max(1, len(translation.raters))


def publishable_penalty(penalties_N: Floats, bad_N: Bools, precision: float = PRECISION) -> float:
    """The highest penalty up to which at least that share of the translations are not bad; tune it on dev.

    `NOTHING` where no such penalty lets `LEAST` translations out.
    """
    order = np.argsort(penalties_N, kind="stable")
    ordered, count = penalties_N[order], np.arange(1, len(order) + 1)
    last_of_value = np.append(ordered[1:] != ordered[:-1], True)[: len(order)]
    good = np.cumsum(~bad_N[order]) / count
    found = np.flatnonzero(last_of_value & (good >= precision) & (count >= LEAST))
    return float(ordered[found[-1]]) if len(found) else NOTHING
