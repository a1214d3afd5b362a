"""Rows of a pair, addressed by presence: the same as a list of them would give, in a few bytes a row."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parley.languages.table import CODES
from training.batches.encoded import META, ROWS, EncodedCorpus
from training.batches.presence import BLOCK, PairRows

LONGEST = 8


def store(folder: Path, rows: int, languages: int) -> EncodedCorpus:
    """Random lengths of 0 to 9; every tenth row is dev."""
    draw = np.random.default_rng(rows)
    for code in CODES[:languages]:
        lengths = np.where(draw.random(rows) < 0.5, draw.integers(1, 10, rows), 0)
        offsets = np.concatenate([[0], lengths]).cumsum()
        np.save(folder / f"{code}.offsets.npy", offsets)
        np.zeros(offsets[-1], np.uint16).tofile(folder / f"{code}.tokens.bin")
    split = np.where(np.arange(rows) % 10, "train", "dev")
    pq.write_table(pa.table({"split": pa.array(split).dictionary_encode()}), folder / ROWS)
    facts = {"vocab_size": 9, "vocabulary_digest": "", "withheld_pairs": [], "pad_id": 0, "eos_id": 1, "auto_id": 2}
    meta = {"languages": CODES[:languages], "dtype": "uint16", "language_ids": {}, **facts}
    (folder / META).write_text(json.dumps(meta))
    return EncodedCorpus.open(folder)


@pytest.mark.parametrize("rows", [1, 63, BLOCK, BLOCK + 1, 70 * BLOCK + 5])
def test_a_place_leads_to_its_row(rows: int, tmp_path: Path) -> None:
    encoded = store(tmp_path, rows * 10, 4)
    pairs = PairRows(encoded, "train", LONGEST)
    for first in range(4):
        for second in {*range(4)} - {first}:
            lengths = [encoded.lengths(CODES[place])[encoded.rows("train")] for place in (first, second)]
            there = np.minimum(*lengths) > 0
            fits = there & (np.maximum(*lengths) <= LONGEST)
            wanted = encoded.rows("train")[fits]
            assert pairs.usable[first, second] == len(wanted)
            assert pairs.too_long[first, second] == (there & ~fits).sum()
            assert pairs.target_tokens[first, second] == lengths[1][fits].sum()
            place = np.random.default_rng(1).permutation(len(wanted))
            both = (np.full(len(place), language) for language in (first, second))
            assert np.array_equal(pairs.find(*both, place), wanted[place])


def test_sixteen_languages_take_a_few_bytes_a_row(tmp_path: Path) -> None:
    encoded = store(tmp_path, 100_000, 16)
    PairRows(encoded, "train", LONGEST)  # what is imported and mapped once
    tracemalloc.start()
    pairs = PairRows(encoded, "train", LONGEST)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert pairs.usable.sum() > 0
    assert held / encoded.row_count < 4
