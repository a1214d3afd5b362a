"""Output lists: what is always on them, how long they are, how much of unseen text they cover."""

from pathlib import Path

import numpy as np
import pytest

from distillation.config import OutputListsConfig
from distillation.output_lists import OutputLists, OutputListsStage, copyable, count_pieces, filled_up, frequent
from parley.pipeline.errors import InputError
from tests.training.toy_corpus import make_inputs
from training.batches.encoded import EncodedCorpus
from training.tokenizer import load_tokenizer


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_inputs(tmp_path_factory.mktemp("toy"))


def test_lists_cover_held_out_text_and_are_shorter_than_the_vocabulary(inputs: dict[str, Path], tmp_path: Path) -> None:
    facts = OutputListsStage(OutputListsConfig()).run(tmp_path, inputs)
    assert all(share >= 0.999 for share in facts["coverage"].values())
    lists = OutputLists.load(tmp_path)
    encoded = EncodedCorpus.open(inputs["encoded"])
    assert set(lists.pieces) == set(encoded.languages)
    for code in encoded.languages:
        allowed = set(lists.pieces[code])
        assert len(allowed) < lists.vocab_size - 20  # the other languages' tags and words are not on it
        tokens = np.concatenate([encoded.tokens(code, row) for row in encoded.rows("test")])
        assert np.mean([int(token) in allowed for token in tokens]) == pytest.approx(lists.coverage[code], abs=1e-6)


def test_a_request_in_several_languages_takes_the_union(inputs: dict[str, Path], tmp_path: Path) -> None:
    OutputListsStage(OutputListsConfig()).run(tmp_path, inputs)
    lists = OutputLists.load(tmp_path)
    both = lists.of(["fr", "en", "fr"])
    assert set(both.tolist()) == set(lists.pieces["fr"]) | set(lists.pieces["en"])
    assert (np.diff(both) > 0).all()
    with pytest.raises(InputError, match="no output list for 'ja'; there are lists for en fr th"):
        lists.of(["ja"])


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


@pytest.mark.parametrize(
    ("config", "kept"),
    [
        (OutputListsConfig(coverage=0.5, min_count=100), 1),
        (OutputListsConfig(coverage=0.97, min_count=100), 3),
        (OutputListsConfig(coverage=0.5, min_count=5), 3),
        (OutputListsConfig(coverage=1.0, min_count=1), 4),
        (OutputListsConfig(coverage=1.0, min_count=1, max_pieces=2), 2),
    ],
)
def test_length_follows_coverage_count_and_limit(config: OutputListsConfig, kept: int) -> None:
    assert len(frequent(np.array([60, 0, 30, 8, 2]), config)) == kept


@pytest.mark.parametrize(
    ("coverage", "ids"), [(0.0, [1, 2]), (0.5, [1, 2]), (0.6, [1, 2, 4]), (0.8, [0, 1, 2, 4]), (1.0, [0, 1, 2, 4, 5])]
)
def test_a_list_is_filled_up_with_what_is_frequent_anywhere(coverage: float, ids: list[int]) -> None:
    everywhere, dev = np.array([3, 9, 9, 0, 5, 1]), np.array([2, 5, 0, 1, 1, 1])
    assert filled_up(np.array([1, 2]), everywhere, dev, coverage).tolist() == ids


def test_too_little_coverage_stops_the_run(inputs: dict[str, Path], tmp_path: Path) -> None:
    config = OutputListsConfig(coverage=0.01, min_count=10**6, max_pieces=1, dev_coverage=0, check_coverage=0.999)
    with pytest.raises(InputError, match="cover too little"):
        OutputListsStage(config).run(tmp_path / "out", inputs)
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="no output lists"):
        OutputLists.load(tmp_path)


def test_counts_are_of_the_wanted_splits(inputs: dict[str, Path]) -> None:
    encoded = EncodedCorpus.open(inputs["encoded"])
    parts = [count_pieces(encoded, "en", split).sum() for split in ("train", "dev", "test")]
    assert sum(parts) == len(encoded.column("en")[0])
    assert parts[0] > parts[1] > 0
