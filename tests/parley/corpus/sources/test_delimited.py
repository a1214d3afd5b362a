"""TSV and CSV sources."""

import gzip
from pathlib import Path

import pytest

from parley.pipeline.errors import InputError
from tests.parley.corpus.sources.conftest import Opened, rows


def test_tsv_has_no_quoting(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.tsv").write_text('en\tth\n"gg\tจบเกม\n', encoding="utf-8")
    assert rows(opened("tsv", "a.tsv")) == [{"en": '"gg', "th": "จบเกม"}]


def test_csv_is_quoted_and_may_break_lines(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.csv").write_text('en,fr\r\n"one, ""two""\nthree",un\r\n', encoding="utf-8")
    assert rows(opened("csv", "a.csv")) == [{"en": 'one, "two"\nthree', "fr": "un"}]


def test_without_header_columns_are_numbered(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.tsv").write_text("12\thello\tbonjour\n", encoding="utf-8")
    reader = opened("tsv", "a.tsv", header=False, columns={"2": "en", "3": "fr"})
    assert reader.head().rows == 1
    assert rows(reader) == [{"en": "hello", "fr": "bonjour"}]


def test_byte_order_mark_and_compression(tmp_path: Path, opened: Opened) -> None:
    with gzip.open(tmp_path / "a.tsv.gz", "wb") as stream:
        stream.write("\ufeffen\tfr\nyes\toui".encode())
    reader = opened("tsv", "a.tsv.gz")
    assert reader.head().rows == 1
    assert rows(reader) == [{"en": "yes", "fr": "oui"}]


def test_another_encoding(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.tsv").write_bytes("en\tfr\nyes\tété\n".encode("latin-1"))
    assert rows(opened("tsv", "a.tsv", encoding="latin-1"))[0]["fr"] == "été"


@pytest.mark.parametrize("format", ["tsv", "csv"])
def test_invalid_utf8_is_named_by_line(tmp_path: Path, opened: Opened, format: str) -> None:
    separator = b"\t" if format == "tsv" else b","
    (tmp_path / "a.txt").write_bytes(b"en%sfr\nyes%soui\nno%s\xff\n" % (separator, separator, separator))
    with pytest.raises(InputError, match=r"a\.txt: line 3 is not valid utf-8"):
        opened(format, "a.txt").head()


def test_a_ragged_line_is_named(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.tsv").write_text("en\tfr\nyes\toui\nno\n")
    with pytest.raises(InputError, match=r"a\.tsv: line 3 has 1 fields, the first line has 2"):
        rows(opened("tsv", "a.tsv"))


def test_an_open_quote_is_named(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.csv").write_text('en,fr\nyes,"oui\n')
    with pytest.raises(InputError, match=r"a\.csv: line \d: unexpected end of data"):
        rows(opened("csv", "a.csv"))


def test_an_empty_file_is_refused(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.tsv").touch()
    with pytest.raises(InputError, match=r"a\.tsv: the file is empty"):
        opened("tsv", "a.tsv").head()


def test_a_truncated_archive_is_refused(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(b"en\tfr\n" + b"yes\toui\n" * 1000)[:-20])
    with pytest.raises(InputError, match=r"a\.tsv\.gz: cannot be read"):
        opened("tsv", "a.tsv.gz").head()
