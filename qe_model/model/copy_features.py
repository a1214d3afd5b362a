"""Where each piece of a joint sequence stands once more: in the other language, in the conversation, in its own text.

A small encoder takes long to learn to compare pieces; told of them, it sees names and numbers that do not match, words
left in the source language, repetitions, and forms that the conversation has not used. B inputs, S positions.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from qe_model.arrays import Bools, Ints
from qe_model.model.inputs import CONTEXT, CONTEXT_TARGET, SOURCE, TARGET

ACROSS: Final = ((TARGET, SOURCE), (CONTEXT, CONTEXT_TARGET))  # texts that translate each other
BEFORE: Final = ((TARGET, CONTEXT_TARGET), (SOURCE, CONTEXT))  # a text and the conversation in its language
LEVELS: Final = 3  # of a copy: none, the piece, the piece with a neighbour
_LONE: Final = LEVELS  # states from here on: as the first ones, for a text without a conversation
_TOTALS: Final = (2, 3, 5)  # at so many occurrences of a piece in its text the next state begins
_EARLIER: Final = 2  # occurrences in front of it that are told apart, at most
ELSEWHERE_STATES: Final = LEVELS * (LEVELS + 1)
REPEAT_STATES: Final = (_EARLIER + 1) * (len(_TOTALS) + 1)
STATES: Final = ELSEWHERE_STATES + REPEAT_STATES
_SHIFT: Final = 1 << 21  # above every vocabulary; rows and neighbours are put on top of a piece by it


def copy_states(ids_BS: Ints, segments_BS: Ints, special: Sequence[int]) -> Ints:
    """Two states of every position, (2, B, S): rows of one table of `STATES`.

    The first tells whether the piece, or the piece with a neighbour, is also in the text of the other language, and in
    the conversation of its own; the second how often it stands in its own text, and how often in front of here.

    Args:
        special: ids of tags, ends and padding, which copy nothing.
    """
    plain_BS = ~np.isin(ids_BS, np.array(sorted(special), np.int64)) & (segments_BS > 0)
    pieces_BS = ids_BS + np.arange(len(ids_BS), dtype=np.int64)[:, None] * _SHIFT
    texts = {segment: plain_BS & (segments_BS == segment) for segment in (TARGET, SOURCE, CONTEXT, CONTEXT_TARGET)}
    across_BS, before_BS = (_levels(ids_BS, pieces_BS, texts, pairs) for pairs in (ACROSS, BEFORE))
    lone_B = ~texts[CONTEXT].any(1) & ~texts[CONTEXT_TARGET].any(1)
    elsewhere_BS = across_BS * (LEVELS + 1) + np.where(lone_B[:, None], _LONE, before_BS)
    repeats_BS = _repeats(pieces_BS, texts[TARGET])
    return np.stack([elsewhere_BS * plain_BS, ELSEWHERE_STATES + repeats_BS])


def _levels(ids_BS: Ints, pieces_BS: Ints, texts: dict[int, Bools], pairs: Sequence[tuple[int, int]]) -> Ints:
    """0 to 2 of each position of the paired texts: nothing, the piece, the piece with the one before or after it."""
    levels_BS = np.zeros_like(ids_BS)
    two_BS = pieces_BS[:, 1:] * _SHIFT + ids_BS[:, :-1]  # a piece and the one before it
    for one, other in pairs:
        for mine, theirs in ((texts[one], texts[other]), (texts[other], texts[one])):
            levels_BS[mine] = np.isin(pieces_BS[mine], pieces_BS[theirs])
            both, there = (mask[:, 1:] & mask[:, :-1] for mask in (mine, theirs))
            met = np.zeros_like(both)
            met[both] = np.isin(two_BS[both], two_BS[there])
            levels_BS[:, 1:][met] = levels_BS[:, :-1][met] = LEVELS - 1
    return levels_BS


def _repeats(pieces_BS: Ints, text_BS: Bools) -> Ints:
    """How often each piece of a text stands in it, and how often in front of it; 0 elsewhere."""
    found_BS = np.zeros_like(pieces_BS)
    keys = pieces_BS[text_BS]
    if not len(keys):
        return found_BS
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.r_[True, keys[order][1:] != keys[order][:-1]])
    sizes = np.diff(np.r_[starts, len(keys)])
    totals, earlier = np.empty_like(keys), np.empty_like(keys)
    totals[order] = np.repeat(np.searchsorted(_TOTALS, sizes, "right"), sizes)
    earlier[order] = np.minimum(np.arange(len(keys)) - np.repeat(starts, sizes), _EARLIER)
    found_BS[text_BS] = totals * (_EARLIER + 1) + earlier
    return found_BS
