"""Fewer translations of many."""

from collections.abc import Sequence

from qe_model.annotations.annotation import AnnotatedTranslation


def evenly_spread(rows: Sequence[AnnotatedTranslation], count: int) -> list[AnnotatedTranslation]:
    """Evenly spread rows in their order, `count` at most; 0: all."""
    step = max(1.0, len(rows) / count) if count else 1.0
    return [rows[int(i * step)] for i in range(int(len(rows) / step))]
