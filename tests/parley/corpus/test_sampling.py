"""Sampling of a stream: bounded, seeded, whatever the batches."""

import numpy as np
import pyarrow as pa

from parley.corpus.sampling import sampled

ROWS = pa.table({"en": [str(number) for number in range(5000)]})


def drawn(count: int, seed: int, batch: int = 700) -> list[int]:
    return [int(text) for text in sampled(ROWS.to_batches(batch), ["en"], count, seed)["en"].to_pylist()]


def test_the_same_rows_for_any_size_of_batches() -> None:
    assert drawn(50, 1) == drawn(50, 1, 13) == sorted(drawn(50, 1))
    assert len(drawn(50, 1)) == 50
    assert drawn(50, 1) != drawn(50, 2)


def test_all_rows_where_there_are_no_more() -> None:
    assert drawn(5000, 1) == drawn(9999, 1) == list(range(5000))
    assert drawn(0, 1) == []


def test_every_row_is_equally_likely() -> None:
    assert abs(np.mean(drawn(2500, 3)) - 2500) < 100
