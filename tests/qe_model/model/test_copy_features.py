"""Copy features: what of a text stands elsewhere too."""

import numpy as np
import pytest

from qe_model.model.copy_features import ELSEWHERE_STATES, LEVELS, REPEAT_STATES, STATES, copy_states
from qe_model.model.inputs import CONTEXT, CONTEXT_TARGET, SOURCE, TARGET

TAG, END, PAD = 0, 2, 1
LONE = LEVELS


def states(**texts: list[int]) -> dict[str, list[tuple[int, int, int]]]:
    """By text: level across languages, level in the conversation, state of repetition."""
    names = {"target": TARGET, "source": SOURCE, "context": CONTEXT, "theirs": CONTEXT_TARGET}
    ids = [piece for text in texts.values() for piece in [TAG, *text, END]]
    segments = [names[name] for name, text in texts.items() for _ in range(len(text) + 2)]
    both = copy_states(np.array([[*ids, PAD]]), np.array([[*segments, 0]]), [TAG, END, PAD])
    assert both.shape == (2, 1, len(ids) + 1)
    assert 0 <= both[0].min() <= both[0].max() < ELSEWHERE_STATES <= both[1].min() <= both[1].max() < STATES
    found, place = {}, 0
    for name, text in texts.items():
        rows = both[:, 0, place + 1 : place + 1 + len(text)]
        found[name] = [(int(a) // (LEVELS + 1), int(a) % (LEVELS + 1), int(b) - ELSEWHERE_STATES) for a, b in rows.T]
        place += len(text) + 2
    return found


def test_a_name_that_both_texts_have_is_told_from_one_that_they_do_not() -> None:
    found = states(target=[10, 77, 11], source=[20, 77, 21])
    assert [across for across, _, _ in found["target"]] == [0, 1, 0]
    assert [across for across, _, _ in found["source"]] == [0, 1, 0]
    assert {before for text in found.values() for _, before, _ in text} == {LONE}


def test_forms_of_the_conversation_are_told_with_their_neighbours() -> None:
    found = states(target=[10, 30, 31, 11], source=[20], context=[40], theirs=[30, 31, 50, 11])
    assert [before for _, before, _ in found["target"]] == [0, 2, 2, 1]
    assert found["source"] == [(0, 0, 0)]


@pytest.mark.parametrize(("times", "levels"), [(1, [0]), (2, [3, 4]), (4, [6, 7, 8, 8]), (5, [9, 10, 11, 11, 11])])
def test_repetitions_are_counted(times: int, levels: list[int]) -> None:
    found = states(target=[10, *[30] * times], source=[30])
    assert [level for _, _, level in found["target"]] == [0, *levels]
    assert max(levels) < REPEAT_STATES


def test_rows_of_a_batch_do_not_meet() -> None:
    ids = np.array([[TAG, 10, TAG, 11], [TAG, 11, TAG, 10]])
    segments = np.array([[TARGET, TARGET, SOURCE, SOURCE]] * 2)
    both = copy_states(ids, segments, [TAG])
    assert (both[0] == np.where(ids == TAG, 0, LONE)).all()
    assert (both[1] == ELSEWHERE_STATES).all()


def test_a_piece_that_ends_one_text_and_begins_the_next_is_no_pair() -> None:
    ids = np.array([[10, 11, 12, 11, 12]])
    found = copy_states(ids, np.array([[TARGET, TARGET, SOURCE, CONTEXT_TARGET, CONTEXT_TARGET]]), [])
    assert (found[0, 0] // (LEVELS + 1)).tolist() == [0, 0, 0, 0, 0]
    assert (found[0, 0] % (LEVELS + 1)).tolist() == [0, 1, 0, 1, 0]
