"""Splits: no message in two of them, in any language; stable; the source's own split wins."""

from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.corpus.components import Components
from parley.corpus.numbered import NumberedRows
from parley.corpus.rows import corpus_schema
from parley.corpus.source_config import SPLITS
from parley.corpus.splits import LARGEST_HELD_OUT, assign_splits
from parley.corpus.text_column import normal_form
from tests.parley.corpus.compared import write_parts

CODES = ["en", "fr", "th"]
TEXTS = st.one_of(
    st.none(), st.sampled_from(["OK", "ok!", "go", "Go mid", "gg", "123", "456", "😀", "ไป", "oui", "non"])
)
ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys(CODES, TEXTS)), min_size=1, max_size=30)


def table(rows: list[dict[str, str | None]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=corpus_schema(CODES))


def splits_of(rows: list[dict[str, str | None]], seed: int = 1) -> list[str]:
    with TemporaryDirectory() as folder:
        write_parts(table(rows), Path(folder), near=False, rows=len(rows) // 3 + 1)
        numbered = NumberedRows(Path(folder), Path(folder))
        found = assign_splits(numbered, numbered.own_splits(), 0.3, 0.3, seed)
        numbered.close()
    return [SPLITS[place] for place in found]


@given(rows=ROWS, seed=st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_no_text_in_two_splits_in_any_language(rows: list[dict[str, str | None]], seed: int) -> None:
    met = defaultdict(set)
    for row, split in zip(rows, splits_of(rows, seed), strict=True):
        for code in CODES:
            if key := normal_form(row[code] or ""):
                met[code, key].add(split)
    assert all(len(splits) == 1 for splits in met.values())


@given(rows=ROWS, order=st.randoms())
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_does_not_matter(rows: list[dict[str, str | None]], order: np.random.Generator) -> None:
    numbers = list(range(len(rows)))
    order.shuffle(numbers)
    before, after = splits_of(rows), splits_of([rows[number] for number in numbers])
    assert [before[number] for number in numbers] == after


def test_shares_are_about_right_and_depend_on_the_seed() -> None:
    rows: list[dict[str, str | None]] = [
        {"en": f"message {chr(97 + n // 26 % 26)}{chr(97 + n % 26)}{'x' * (n // 676)}"} for n in range(2000)
    ]
    found = splits_of(rows)
    assert 0.26 < found.count("dev") / 2000 < 0.34
    assert 0.26 < found.count("test") / 2000 < 0.34
    assert found != splits_of(rows, seed=2)


def test_own_splits_win_and_what_touches_them_goes_to_train() -> None:
    rows: list[dict[str, str | None]] = [{"en": "attack now", "split": "test"}, {"en": "Attack now!", "fr": "attaque"}]
    rows += [{"en": "hold", "split": "dev"}, {"en": "hold", "split": "train"}]
    assert splits_of(rows) == ["test", "train", "dev", "train"]


def test_long_chains_go_to_train() -> None:
    chain: list[dict[str, str | None]] = [
        {"en": f"a{'b' * n}", "fr": f"a{'b' * (n + 1)}"} for n in range(2 * LARGEST_HELD_OUT)
    ]
    linked = [{"en": row["en"], "fr": f"a{'b' * n}"} for n, row in enumerate(chain)]
    for seed in range(20):
        assert set(splits_of(chain + linked + chain, seed)) == {"train"}


@given(
    edges=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=80),
)
@settings(max_examples=200, deadline=None)
def test_components_are_those_of_a_plain_search(edges: list[tuple[int, int]]) -> None:
    components = Components(41)
    for batch in (edges[: len(edges) // 2], edges[len(edges) // 2 :]):
        components.join(*np.array(batch, np.int64).reshape(-1, 2).T)
    labels = components.all()
    parent = list(range(41))

    def root(row: int) -> int:
        while parent[row] != row:
            row = parent[row]
        return row

    for left, right in edges:
        low, high = sorted((root(left), root(right)))
        parent[high] = low
    assert labels.tolist() == [root(row) for row in range(41)]
