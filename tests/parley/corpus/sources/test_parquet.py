"""Parquet sources: shards, mapping, and what is refused."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parley.pipeline.errors import InputError
from tests.parley.corpus.sources.conftest import Opened, rows


def write(path: Path, **columns: list[object]) -> None:
    pq.write_table(pa.table(columns), path)


def test_shards_are_read_in_order_and_counted_from_their_footers(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "b-1.parquet", en=["third"], fr=["troisième"])
    write(tmp_path / "b-0.parquet", en=["first", "second"], fr=["premier", None])
    reader = opened("parquet", "b-*.parquet")
    assert reader.head().rows == 3
    assert reader.head().languages == ["en", "fr"]
    assert [row["en"] for row in rows(reader)] == ["first", "second", "third"]


def test_columns_are_mapped_and_others_left_out(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "a.parquet", key=["k"], english=["yes"], score=[1.0])
    assert rows(opened("parquet", "a.parquet", columns={"english": "en", "key": "row_id"})) == [
        {"en": "yes", "row_id": "k"}
    ]


def test_a_translation_struct_gives_its_languages(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "a.parquet", translation=[{"eng_Latn": "yes", "zh-TW": "是", "xx": "?"}])
    assert rows(opened("parquet", "a.parquet")) == [{"en": "yes", "zh-Hant": "是"}]


def test_dictionary_and_large_strings_are_strings(tmp_path: Path, opened: Opened) -> None:
    table = pa.table({"en": pa.array(["a", "a"]).dictionary_encode(), "fr": pa.array(["b", "c"], pa.large_string())})
    pq.write_table(table, tmp_path / "a.parquet")
    assert next(opened("parquet", "a.parquet").tables()).schema.types == [pa.string(), pa.string()]


def test_a_wrong_column_is_named_with_those_there_are(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "a.parquet", english=["yes"])
    with pytest.raises(InputError, match=r"a\.parquet: no column 'anglais'; it has: english"):
        opened("parquet", "a.parquet", columns={"anglais": "en"}).head()


def test_a_language_column_of_numbers_is_refused(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "a.parquet", en=[1])
    with pytest.raises(InputError, match="column 'en' is int64, it must be string"):
        opened("parquet", "a.parquet").head()


def test_shards_may_differ_where_nothing_is_read_or_nothing_is(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "a-0.parquet", en=["a"], fr=["b"], key=[1])
    write(tmp_path / "a-1.parquet", en=["c"], fr=[None], key=["1"])
    reader = opened("parquet", "a-*.parquet")
    assert reader.head().unread == ["column 'key'"]
    assert rows(reader) == [{"en": "a", "fr": "b"}, {"en": "c", "fr": None}]


def test_a_missing_file_is_named(opened: Opened) -> None:
    with pytest.raises(InputError, match=r"source 'example': no file at .*none\.parquet"):
        opened("parquet", "none.parquet").head()


def test_a_truncated_shard_is_named(tmp_path: Path, opened: Opened) -> None:
    path = tmp_path / "a.parquet"
    write(path, en=["text"] * 100)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"a\.parquet: not a whole Parquet file"):
        opened("parquet", "a.parquet").head()


def test_damaged_pages_are_an_input_error(tmp_path: Path, opened: Opened) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"en": [f"text {n}" for n in range(1000)]}), path, compression="zstd")
    damaged = bytearray(path.read_bytes())
    damaged[4:400] = bytes(396)
    path.write_bytes(bytes(damaged))
    with pytest.raises(InputError, match=r"a\.parquet: broken Parquet file"):
        rows(opened("parquet", "a.parquet"))


def test_invalid_utf8_is_named_by_row_and_column(tmp_path: Path, opened: Opened) -> None:
    bad = pa.Array.from_buffers(pa.string(), 2, pa.array([b"good", b"\xff\xfe"], pa.binary()).buffers())
    pq.write_table(pa.table({"en": bad}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet: row 2, column 'en' is not valid utf-8"):
        rows(opened("parquet", "a.parquet"))
