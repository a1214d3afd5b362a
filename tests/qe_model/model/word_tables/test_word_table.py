"""Translation probabilities of words: learnt, looked up, kept on disk."""

from pathlib import Path

import numpy as np
import pytest

from parley.pipeline.errors import InputError
from qe_model.model.word_tables.word_table import WordTable

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


def test_rare_words_and_small_probabilities_are_left_out() -> None:
    table = WordTable.fit([*PAIRS, ("rare key", "rare clé")], min_count=2, floor=0.2, iterations=20)
    assert "rare" not in table.sources
    assert "rare" not in table.targets
    assert table.values.min() > 0.2
    assert table.counts[table.targets["clé"]] == 3


def test_a_table_comes_back(tmp_path: Path) -> None:
    table = WordTable.fit(PAIRS)
    table.save(tmp_path, "en-fr")
    again = WordTable.load(tmp_path, "en-fr")
    words = ["red", "key"], ["rouge", "clé", "x"]
    assert np.array_equal(table.probabilities(*words), again.probabilities(*words))
    assert (again.counts == table.counts).all()


@pytest.mark.parametrize("pairs", [[], [("", "")], [("a", ""), ("", "b")]])
def test_nothing_to_learn_from_is_no_error(pairs: list[tuple[str, str]]) -> None:
    table = WordTable.fit(pairs)
    assert table.probabilities(["a"], ["c"]).tolist() == [[0.0], [0.0]]


def test_a_broken_file_is_one_line(tmp_path: Path) -> None:
    WordTable.fit(PAIRS).save(tmp_path, "en-fr")
    (tmp_path / "en-fr.safetensors").write_bytes(b"x")
    with pytest.raises(InputError, match="word table en-fr cannot be read"):
        WordTable.load(tmp_path, "en-fr")
