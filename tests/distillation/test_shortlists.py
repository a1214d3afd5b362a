"""Output shortlists: what is always on them, how long they are, how much of unseen text they cover."""

from pathlib import Path

import numpy as np
import pytest

from distillation.shortlist_stage import (
    ShortlistsConfig,
    ShortlistsStage,
    copyable,
    count_pieces,
    filled_up,
    frequent,
)
from distillation.shortlists import Shortlists
from parley.pipeline.errors import InputError
from tests.training.toy_corpus import make_inputs
from training.batches.encoded import EncodedCorpus
from training.tokenizer import load_tokenizer


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_inputs(tmp_path_factory.mktemp("toy"))


def test_shortlists_cover_held_out_text_and_are_shorter_than_the_vocabulary(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    facts = ShortlistsStage(ShortlistsConfig()).run(tmp_path, inputs)
    assert all(share >= 0.999 for share in facts["coverage"].values())
    shortlists = Shortlists.load(tmp_path)
    encoded = EncodedCorpus.open(inputs["encoded"])
    assert set(shortlists.pieces) == set(encoded.languages)
    for code in encoded.languages:
        allowed = set(shortlists.pieces[code])
        assert len(allowed) < shortlists.vocab_size - 20  # the other languages' tags and words are not on it
        tokens = np.concatenate([encoded.tokens(code, row) for row in encoded.rows("test")])
        assert np.mean([int(token) in allowed for token in tokens]) == pytest.approx(
            shortlists.coverage[code], abs=1e-6
        )


def test_a_request_in_several_languages_takes_the_union(inputs: dict[str, Path], tmp_path: Path) -> None:
    ShortlistsStage(ShortlistsConfig()).run(tmp_path, inputs)
    shortlists = Shortlists.load(tmp_path)
    both = shortlists.of(["fr", "en", "fr"])
    assert set(both.tolist()) == set(shortlists.pieces["fr"]) | set(shortlists.pieces["en"])
    assert (np.diff(both) > 0).all()
    with pytest.raises(InputError, match="no shortlist for 'ja'; there are shortlists for en fr th"):
        shortlists.of(["ja"])


def test_what_can_be_copied_is_on_every_list(inputs: dict[str, Path]) -> None:
    tokenizer = load_tokenizer(inputs["tokenizer"])
    always = set(copyable(tokenizer).tolist())
    vocabulary = tokenizer.get_vocab()
    for piece in ("</s>", "<0x00>", "<0xFF>", "A", "z", "7", "!", "@", ":"):
        assert vocabulary[piece] in always, piece
    for piece in ("__fr__", "<pad>", "<term>", "<bt>"):
        assert vocabulary[piece] not in always, piece
    words = [piece for piece in vocabulary if sum(c.isalpha() for c in piece) > 1 and not piece.startswith("<")]
    assert words
    assert not always & {vocabulary[word] for word in words}


@pytest.mark.parametrize(("coverage", "min_count", "kept"), [(0.5, 100, 1), (0.97, 100, 3), (0.5, 5, 3), (1.0, 1, 4)])
def test_length_follows_coverage_and_count(coverage: float, min_count: int, kept: int) -> None:
    assert len(frequent(np.array([60, 0, 30, 8, 2]), min_count, coverage)) == kept


@pytest.mark.parametrize(
    ("coverage", "ids"), [(0.0, [1, 2]), (0.5, [1, 2]), (0.6, [1, 2, 4]), (0.8, [0, 1, 2, 4]), (1.0, [0, 1, 2, 4, 5])]
)
def test_a_list_is_filled_up_with_what_is_frequent_anywhere(coverage: float, ids: list[int]) -> None:
    everywhere, dev = np.array([3, 9, 9, 0, 5, 1]), np.array([2, 5, 0, 1, 1, 1])
    assert filled_up(np.array([1, 2]), everywhere, dev, coverage).tolist() == ids


def test_no_shortlists_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no shortlists"):
        Shortlists.load(tmp_path)


def test_counts_are_of_the_wanted_splits(inputs: dict[str, Path]) -> None:
    encoded = EncodedCorpus.open(inputs["encoded"])
    parts = [count_pieces(encoded, "en", split).sum() for split in ("train", "dev", "test")]
    assert sum(parts) == len(encoded.column("en")[0])
    assert parts[0] > parts[1] > 0
