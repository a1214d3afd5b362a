"""What the one reading of files takes, skips, bounds and refuses."""

import bz2
import gzip
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parley.pipeline.errors import InputError
from parley.reading import stream
from parley.reading.delimited import read_fields
from parley.reading.json_lines import json_object
from parley.reading.lines import read_lines
from parley.reading.parquet import open_parquet, read_batches
from parley.reading.rows import read_rows
from parley.reading.stream import LONGEST_TEXT
from parley.reading.xml import read_elements


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(data)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd])
def test_compression_is_told_by_content(tmp_path: Path, pack) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "plain.tsv").write_bytes(pack(b"en\tfr\n") + pack(b"yes\toui\n"))  # two members
    assert [row for _, row in read_rows(tmp_path / "plain.tsv")] == [{"en": "yes", "fr": "oui"}]
    (tmp_path / "cut.tsv").write_bytes(pack(b"en\tfr\n" * 1000)[:-8])
    with pytest.raises(InputError, match=r"cut\.tsv"):
        list(read_rows(tmp_path / "cut.tsv"))


@pytest.mark.parametrize("text", ["en{0}fr\ryes{0}oui\r", "en{0}fr\ryes{0}oui"])
@pytest.mark.parametrize(("name", "mark"), [("a.tsv", "\t"), ("a.csv", ",")])
def test_ends_of_lines_of_old_macs_are_named(tmp_path: Path, text: str, name: str, mark: str) -> None:
    (tmp_path / name).write_text(text.format(mark), newline="")
    with pytest.raises(InputError, match="its lines end in carriage returns alone: save it with line feeds"):
        list(read_rows(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "header", "mark"),
    [("a.csv", "en;fr", ";"), ("a.csv", "row id\ten", r"\\t"), ("a.tsv", "en,fr,zh-Hans", ",")],
)
def test_other_marks_between_columns_are_named(tmp_path: Path, name: str, header: str, mark: str) -> None:
    (tmp_path / name).write_text(f"{header}\nyes;oui\n")
    with pytest.raises(InputError, match=f"'{mark}' stands between its columns: save it as TSV with tabs or CSV"):
        list(read_rows(tmp_path / name))


def test_an_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes(b"PK\x03\x04 and more")
    with pytest.raises(InputError, match=r"a zip archive, as \.xlsx is"):
        list(read_lines(tmp_path / "a.tsv"))


def test_long_lines_and_bombs_are_refused_with_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"x" * (LONGEST_TEXT + 5)))
    with pytest.raises(InputError, match="line 1 is longer than 1,048,576 bytes"):
        list(read_lines(tmp_path / "a.gz"))
    monkeypatch.setattr(stream, "FREELY", 1000)
    monkeypatch.setattr(stream, "LARGEST_RATIO", 10)
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"x\n" * 500_000))
    with pytest.raises(InputError, match="unpacks to more than"):
        list(read_lines(tmp_path / "b.gz"))


def test_a_parquet_file_of_one_long_text_many_times_stays_small(tmp_path: Path) -> None:
    for size in (1 << 20, (1 << 20) + 1):
        column = pa.DictionaryArray.from_arrays(pa.array([0] * 5000, pa.int32()), pa.array(["x" * size]))
        pq.write_table(pa.table({"en": column}), tmp_path / f"{size}.parquet", compression="zstd")
    with open_parquet(tmp_path / f"{1 << 20}.parquet") as file:
        assert [t.num_rows for t in read_batches(file, ["en"], tmp_path)] == [64] * 78 + [8]
    with (
        open_parquet(tmp_path / f"{(1 << 20) + 1}.parquet") as file,
        pytest.raises(InputError, match="the limit is"),
    ):
        list(read_batches(file, ["en"], tmp_path))


def test_blank_lines_are_skipped_and_line_ends_are_line_feeds(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes("\ufeffen\tfr\r\n\r\na\rb\tc\u2028d\x85e\n\n\t\n\n".encode())
    assert [row for _, row in read_rows(tmp_path / "a.tsv")] == [{"en": "a\rb", "fr": "c\u2028d\x85e"}]


def test_an_open_quote_names_the_line_where_its_row_begins(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('en,fr\n"a\nb",c\nd,"e\nf,g\n')
    with pytest.raises(InputError, match="line 4: unexpected end of data"):
        list(read_fields(tmp_path / "a.csv", quoted=True))


def test_half_an_emoji_and_endless_lists_in_json() -> None:
    assert json_object(r'{"a": ["\ud83d", "\ud83d\ude02"]}', "x") == {"a": ["\ufffd", "😂"]}
    with pytest.raises(InputError, match="x: not JSON"):
        json_object("[" * 100_000, "x")


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("en\ten\na\tb\n")
    with pytest.raises(InputError, match="two columns are called 'en'"):
        list(read_rows(tmp_path / "a.tsv"))


def test_what_xml_does_not_allow_costs_a_character_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.tmx").write_text("<a><b>x\x01&#2;&nbsp;&nope;&#233;</b></a>")
    assert [element.text for element in read_elements(tmp_path / "a.tmx", "b")] == ["x\ufffd\ufffd\xa0\ufffdé"]
    (tmp_path / "b.tmx").write_text("<a>" + "<b>" * 10_000 + "</b>" * 10_000 + "</a>")
    with pytest.raises(InputError, match="nested deeper than 100"):
        list(read_elements(tmp_path / "b.tmx", "tu"))


def test_invalid_text_in_parquet_rows_is_refused(tmp_path: Path) -> None:
    wrong = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff\xfe"], pa.binary()).buffers())
    pq.write_table(pa.table({"source": wrong}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="text behind row 0 is not valid utf-8"):
        list(read_rows(tmp_path / "a.parquet"))
