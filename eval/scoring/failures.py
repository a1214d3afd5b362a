"""Plain ways in which an output fails, judged message by message without a model: copies, loops, gaps, inventions.

Each function takes aligned lists [N] and gives booleans [N].
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from parley.decoding.repetition import loops as repeats
from parley.languages.table import LANGUAGES
from parley.metrics.ngrams import Floats

Flags = NDArray[np.bool_]
MIN_LENGTH: Final = 10  # characters without spaces; shorter messages have many right lengths
SHORT: Final = 0.5  # of the reference's length
LONG: Final = 2.0


def copies(hypotheses: Sequence[str], sources: Sequence[str], references: Sequence[str]) -> Flags:
    """Outputs that repeat the source although the reference does not."""
    triples = zip(*([_folded(text) for text in side] for side in (hypotheses, sources, references)), strict=True)
    return np.array([hypothesis == source != reference for hypothesis, source, reference in triples], bool)


def empties(hypotheses: Sequence[str]) -> Flags:
    """Outputs without any visible character."""
    return np.array([not text.strip() for text in hypotheses], bool)


def loops(hypotheses: Sequence[str], sources: Sequence[str], references: Sequence[str]) -> Flags:
    """Outputs that say a thing four times running where neither source nor reference does."""
    triples = zip(hypotheses, sources, references, strict=True)
    return np.array([repeats(text) and not (repeats(s) or repeats(r)) for text, s, r in triples], bool)


def omissions(hypotheses: Sequence[str], references: Sequence[str]) -> Flags:
    """Outputs, empty ones too, shorter than half of a reference of ten characters or more."""
    found, expected = _lengths(hypotheses), _lengths(references)
    return (expected >= MIN_LENGTH) & (found < SHORT * expected)


def hallucinations(hypotheses: Sequence[str], references: Sequence[str], chrf: Floats, target: str) -> Flags:
    """Outputs that say something else: twice as long as the reference, or with next to nothing in common with it.

    "Next to nothing" is a chrF below what the references of unrelated messages share. It is a sign to look at, not
    proof: a free translation may be called one.

    Args:
        chrf: [N] sentence chrF2.
        target: code of the target language.
    """
    found, expected = _lengths(hypotheses), _lengths(references)
    apart = (chrf < LANGUAGES[target].unrelated_chrf) & (np.minimum(found, expected) >= MIN_LENGTH)
    return apart | ((found > LONG * expected) & (found - expected >= MIN_LENGTH))


def _lengths(texts: Sequence[str]) -> NDArray[np.int64]:
    return np.fromiter((len("".join(text.split())) for text in texts), np.int64, len(texts))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
