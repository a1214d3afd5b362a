"""What is known of a candidate from its texts alone: how near the round trip comes, its language, its repetitions."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from parley.corpus.text_column import normal_form
from parley.languages.table import LANGUAGES
from parley.metrics.chrf import sentence_chrf
from parley.metrics.off_target import OffTargetDetector

Floats = NDArray[np.float64]
_GRAM: Final = 4


def round_trip_chrf(round_trips: Sequence[str], originals: Sequence[str]) -> Floats:
    """Sentence chrF2 [N], 0 to 100, as sacrebleu's without smoothing; 0 where nothing came back."""
    return np.nan_to_num(sentence_chrf(round_trips, originals))


def languages_ok(
    texts: Sequence[str], languages: Sequence[str], sources: Sequence[str], detector: OffTargetDetector
) -> list[bool]:
    """Whether each text may be in its language; short texts get the benefit of the doubt, empty ones do not."""
    rows = zip(texts, languages, sources, strict=True)
    return [bool(text.strip()) and not detector.off_target(text, code, source) for text, code, source in rows]


def repetitions(texts: Sequence[str], originals: Sequence[str]) -> list[float]:
    """Share (0 to 1) of each text's character 4-grams that stood in it before, beyond that share of its original."""
    pairs = zip(texts, originals, strict=True)
    return [max(0.0, _repeated(text) - _repeated(original)) for text, original in pairs]


def _repeated(text: str) -> float:
    grams = len(text) - _GRAM + 1
    return 1 - len({text[start : start + _GRAM] for start in range(grams)}) / grams if grams > 0 else 0.0


def length_ratios(
    texts: Sequence[str], languages: Sequence[str], others: Sequence[str], other_languages: Sequence[str], slack: float
) -> Floats:
    """Longer side to shorter one [N], in expected English characters plus `slack`; 1 is as expected."""
    ours, theirs = _expected(texts, languages) + slack, _expected(others, other_languages) + slack
    return np.exp(np.abs(np.log(np.maximum(ours, 1e-9) / np.maximum(theirs, 1e-9))))


def _expected(texts: Sequence[str], languages: Sequence[str]) -> Floats:
    lengths = np.fromiter((len(text) for text in texts), np.float64, len(texts))
    return lengths / np.array([LANGUAGES[code].length for code in languages]).reshape(-1)


def copies(texts: Sequence[str], originals: Sequence[str], least_letters: int) -> list[bool]:
    """Whether each text repeats its original, in normal form, and has `least_letters` characters in it (0: never)."""
    found = []
    for text, original in zip(texts, originals, strict=True):
        form = normal_form(text) if least_letters else ""
        found.append(len(form) >= max(1, least_letters) and form == normal_form(original))
    return found
