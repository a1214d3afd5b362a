"""Reading test sets, choosing messages, and a clear line for each thing that can be wrong."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eval.testsets.testset import from_table, load
from parley.pipeline.errors import InputError
from tests.eval import examples


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def test_tsv_takes_quotes_as_they_are(tmp_path: Path) -> None:
    data = load(write(tmp_path / "t.tsv", '\ufeffen\tfr\nsay "hi\tdis "salut\nonly\t\n\n'))
    assert data.texts == {"en": ['say "hi', "only"], "fr": ['dis "salut', None]}
    assert data.row_ids == ["1", "2"]


def test_csv_with_quoted_line_break(tmp_path: Path) -> None:
    data = load(write(tmp_path / "t.csv", 'row_id,domain,en,fr\na,chat,"one, two\nthree",un\n'))
    assert data.texts["en"] == ["one, two three"]
    assert (data.row_ids, data.domains) == (["a"], ["chat"])


def test_parquet_split_and_extra_columns(tmp_path: Path) -> None:
    table = pa.table({"split": ["train", "test"], "en": ["a", "b"], "fr": ["c", "d"], "score": [1, 2]})
    pq.write_table(table, tmp_path / "t.parquet")
    assert load(tmp_path / "t.parquet").texts == {"en": ["b"], "fr": ["d"]}
    with pytest.raises(InputError, match=r"split 'dev' is empty; splits are test, train"):
        load(tmp_path / "t.parquet", "dev")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.tsv", "en\tFrensh\nhi\tsalut\n", r"at least two; found en"),
        ("t.tsv", "nl\tsv\nhoi\thej\n", r"no column in any language; it has: nl sv"),
        ("t.tsv", "", "the file is empty"),
        ("t.tsv", "en\tfr\n", "no rows to evaluate on"),
        ("t.tsv", "en\tfr\nhi\n", "line 2 has 1 fields, the first line has 2"),
        ("t.tsv", "en\ten\nhi\tho\n", "column 'en' is two columns of that name"),
        ("t.txt", "en\tfr\nhi\tho\n", "one of .parquet, .tsv, .csv, .jsonl, .tmx"),
        ("t.parquet", "PAR1 not really", "not a whole Parquet file"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(write(tmp_path / name, text))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing.tsv: no such file"):
        load(tmp_path / "nothing.tsv")


def test_truncated_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"en": ["a"] * 99, "fr": ["b"] * 99}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"t.parquet: not a whole Parquet file"):
        load(path)


def test_invalid_utf8_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes(b"en\tfr\nok\tbien\n\xff\xfe\tbad\n")
    with pytest.raises(InputError, match=r"t.tsv: line 3 is not valid utf-8"):
        load(tmp_path / "t.tsv")


def test_a_column_of_numbers_is_refused() -> None:
    with pytest.raises(InputError, match="column 'id' is list"):
        from_table(pa.table({"id": [["a"]], "en": ["a"], "fr": ["b"]}), "x")


def test_directions_that_have_messages() -> None:
    data = examples.testset()
    assert data.directions() == ["en-fr", "en-th", "fr-en", "fr-th", "th-en", "th-fr"]
    assert data.directions(["th-en", "en-fr", "th-en"]) == ["th-en", "en-fr"]


@pytest.mark.parametrize(
    ("direction", "message"),
    [
        ("en-de", r"pair en-de needs column 'de'; columns are en, fr, th"),
        ("en-xx", "'en-xx' is not a direction"),
    ],
)
def test_a_direction_that_cannot_be(direction: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        examples.testset().directions([direction])


def test_a_pair_without_data() -> None:
    data = from_table(pa.table({"en": ["a", None], "fr": [None, "b"]}), "x")
    with pytest.raises(InputError, match="pair en-fr has no row with both cells"):
        data.directions(["en-fr"])
    with pytest.raises(InputError, match="no row has text in two languages"):
        data.directions()


def test_choice_of_messages_is_stable_and_shared() -> None:
    ids = [str(row) for row in range(100)]
    table = pa.table({"row_id": ids, **{code: [f"{code} {row}" for row in ids] for code in ("en", "fr", "th")}})
    data = from_table(table, "x")
    chosen = data.rows("en-fr", limit=10, seed=3)
    assert len(chosen) == 10
    assert chosen == sorted(chosen) == data.rows("th-en", limit=10, seed=3)
    assert chosen != data.rows("en-fr", limit=10, seed=4)
    assert set(data.rows("en-fr", limit=5, seed=3)) < set(chosen)
    shuffled = from_table(table.take(pa.array(range(99, -1, -1))), "x")
    assert {shuffled.row_ids[row] for row in shuffled.rows("en-fr", 10, 3)} == {ids[row] for row in chosen}
