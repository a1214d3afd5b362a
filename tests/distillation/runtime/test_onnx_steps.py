"""What steps on ONNX Runtime are fed: sources shared by rows as long as all messages have as many."""

import numpy as np

from distillation.runtime.onnx_steps import Sources


def sources(*owners: int) -> Sources:
    """Three messages; the values of each are its number."""
    parts = np.arange(3, dtype=np.float32)[:, None, None] * np.ones((3, 4, 2), np.float32)
    return Sources({"key_0": parts}, np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]], np.float32), np.array(owners))


def owners(found: Sources) -> list[float]:
    """Of each row of a step."""
    return np.repeat(found.parts["key_0"][:, 0, 0], found.rows).tolist()


def test_messages_of_as_many_rows_are_kept_once() -> None:
    found = sources(0, 0, 1, 1, 2, 2)
    assert (found.rows, len(found.parts["key_0"])) == (2, 3)
    fed = found.fed(2)
    assert fed["grid"].tolist() == [3, 2, 2]
    assert fed["bias"].shape == (3, 1, 2, 4)
    assert (fed["bias"][1, 0] < -1e8).tolist() == [[False, False, True, True]] * 2


def test_otherwise_each_row_has_its_own_copy() -> None:
    found = sources(0, 1, 1, 2)
    assert (found.rows, owners(found)) == (1, [0, 1, 1, 2])


def test_rows_leave() -> None:
    found = sources(0, 0, 1, 1, 2, 2)
    found.select(np.array([0, 1, 4, 5]))
    assert (found.rows, len(found.parts["key_0"]), owners(found)) == (2, 2, [0, 0, 2, 2])
    found.select(np.array([1, 2, 3]))
    assert (found.rows, owners(found)) == (1, [0, 2, 2])
    found.select(np.array([1, 2]))
    assert (found.rows, owners(found)) == (1, [2, 2])  # once apart, they stay apart
