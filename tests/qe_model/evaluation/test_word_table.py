"""Translation probabilities of words: learnt, looked up."""

import numpy as np
import pytest

from qe_model.evaluation.word_table import WordTable

PAIRS = [("red key", "rouge clé"), ("red door", "rouge porte"), ("blue key", "bleu clé"), ("Blue door", "bleu porte")]


def test_words_find_their_translations() -> None:
    table = WordTable.fit(PAIRS, iterations=20)
    found = table.probabilities(["red", "key", "unseen"], ["clé", "rouge", "nouveau"])
    assert found.shape == (4, 3)  # the empty word first
    assert found[1].argmax() == 1
    assert found[2].argmax() == 0
    assert found[1, 1] > 0.9
    assert not found[3].any()
    assert not found[:, 2].any()


def test_each_source_word_gives_a_distribution() -> None:
    table = WordTable.fit(PAIRS)
    rows = table.probabilities(["red", "blue", "key", "door"], list(table.targets))
    assert rows.sum(1) == pytest.approx(np.ones(5), abs=1e-5)


@pytest.mark.parametrize("pairs", [[], [("", "")], [("a", ""), ("", "b")]])
def test_nothing_to_learn_from_is_no_error(pairs: list[tuple[str, str]]) -> None:
    table = WordTable.fit(pairs)
    assert table.probabilities(["a"], ["c"]).tolist() == [[0.0], [0.0]]
