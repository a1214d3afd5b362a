"""Any bytes in any form of file: rows, or an error of the input; in seconds. `FUZZ_EXAMPLES=20000` is the long form."""

import bz2
import gzip
import io
import json
import lzma
import os
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eval.systems.output_file import OutputFile
from eval.testsets.testset import from_table, load
from parley.corpus.config import CorpusConfig
from parley.corpus.rows import complete
from parley.corpus.source_config import SourceConfig
from parley.corpus.sources.registry import open_reader
from parley.pipeline.errors import InputError
from parley.reading.rows import read_rows
from qe_model.annotations.reading.registry import READERS
from qe_model.scoring.files import read_pairs

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "8"))
fuzz = settings(
    max_examples=EXAMPLES, deadline=timedelta(seconds=5), suppress_health_check=list(HealthCheck), database=None
)
FORMS = ("tsv", "csv", "jsonl", "tmx", "parquet")
COLUMNS = (
    "en",
    "fr",
    "pt_BR",
    "id",
    "row_id",
    "split",
    "domain",
    "source",
    "target",
    "source_lang",
    "hypothesis",
    "pair",
    "x",
)
TEXT = st.text(max_size=12) | st.sampled_from(
    ["", "hello there", '"', '""x', "\t", "a\r\nb", "\r", "\x00", "\x85", "\u2028", "\ufeff", "Ã©", "&#1;", "&amp;",
     "<b>", "en-fr", "en", "1", "x" * 9000]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.just("\ud83d"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)
ROW = st.dictionaries(st.sampled_from(COLUMNS), TEXT, min_size=1)
ARROW = (
    pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int32(), pa.string()), pa.null(),
    pa.int64(), pa.float64(), pa.bool_(), pa.list_(pa.string()), pa.struct([("en", pa.string()), ("fr", pa.int8())]),
)  # fmt: skip


def delimited(separator: str) -> st.SearchStrategy[bytes]:
    line = st.lists(TEXT, max_size=4).map(separator.join)
    header = st.lists(st.sampled_from(COLUMNS), max_size=5).map(separator.join)
    end = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])
    return st.builds(
        lambda head, lines, end, encoding: end.join([head, *lines]).encode(encoding, "replace"),
        header, st.lists(line, max_size=5), end, st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16", "cp1251"]),
    )  # fmt: skip


def tmx(rows: list[dict[str, str]], encoding: str) -> bytes:
    variants = ["".join(f'<tuv xml:lang="{k}"><seg>{v}</seg></tuv>' for k, v in row.items()) for row in rows]
    body = "".join(f"<tu>{each}</tu>" for each in variants)
    return f'<?xml version="1.0" encoding="{encoding}"?><tmx><body>{body}</body></tmx>'.encode("utf-8", "replace")


@st.composite
def parquet(draw: st.DrawFn) -> bytes:
    names = draw(st.lists(st.sampled_from((*COLUMNS, "translation")), min_size=1, max_size=5))
    kinds = [draw(st.sampled_from(ARROW)) for _ in names]
    table = pa.Table.from_arrays([column(kind, draw) for kind in kinds], names=names)
    out = io.BytesIO()
    pq.write_table(table, out, compression=draw(st.sampled_from(["snappy", "zstd", "none"])))
    return out.getvalue()


def column(kind: pa.DataType, draw: st.DrawFn) -> pa.Array:
    if pa.types.is_binary(kind):
        return pa.array(draw(st.lists(st.binary(max_size=5), min_size=2, max_size=2)), kind)
    values = {pa.int64(): [1, None], pa.float64(): [0.5, None], pa.bool_(): [True, None], pa.null(): [None, None]}
    if kind in values:
        return pa.array(values[kind], kind)
    if pa.types.is_list(kind) or pa.types.is_struct(kind):
        return pa.array([["a"], None] if pa.types.is_list(kind) else [{"en": "a", "fr": 1}, None], kind)
    texts = draw(st.lists(TEXT | st.none(), min_size=2, max_size=2))
    return pa.array(texts, pa.string()).dictionary_encode() if pa.types.is_dictionary(kind) else pa.array(texts, kind)


CONTENTS = {
    "tsv": delimited("\t"),
    "csv": delimited(","),
    "jsonl": st.lists(JSON | st.dictionaries(st.sampled_from(COLUMNS), JSON), max_size=5).map(
        lambda rows: "\n".join(map(json.dumps, rows)).encode()
    ),
    "tmx": st.builds(tmx, st.lists(ROW, max_size=4), st.sampled_from(["utf-8", "latin-1", "nonsense", "utf-16"])),
    "parquet": parquet(),
}


@st.composite
def damaged(draw: st.DrawFn, content: st.SearchStrategy[bytes]) -> bytes:
    """As it is, packed, cut, or with some bytes changed."""
    data = draw(content)
    pack = draw(st.sampled_from([bytes, bytes, gzip.compress, bz2.compress, lzma.compress]))
    data = pack(data)
    if draw(st.booleans()):
        return data
    if draw(st.booleans()):
        return data[: draw(st.integers(0, len(data)))]
    changed = bytearray(data)
    for _ in range(min(len(data), draw(st.integers(1, 4)))):
        changed[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(changed)


def read_everywhere(path: Path, form: str) -> None:
    """The file by everything that reads it; each may refuse it in one line."""
    config = CorpusConfig(root=str(path.parent))
    source = SourceConfig(form, path.name, "x")
    examples = from_table(pa.table({"en": ["a"], "fr": ["b"]}), "x")
    readers = [
        lambda: open_reader(source, config).head(),
        lambda: [complete(table, source, ["en", "fr"]) for table in open_reader(source, config).tables()],
        lambda: load(path),
        lambda: list(read_rows(path)),
        lambda: OutputFile.load(path, examples),
        lambda: list(read_pairs(path)),
        *(lambda name=name: list(READERS[name](path)) for name in READERS.names()),
    ]
    for read in readers:
        try:
            read()
        except InputError:
            continue


@pytest.mark.parametrize("form", FORMS)
def test_any_file_is_read_or_refused_in_one_line(form: str) -> None:
    @fuzz
    @given(damaged(CONTENTS[form] | st.binary(max_size=200)))
    def tried(data: bytes) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"a [b]'é.{form}"
            path.write_bytes(data)
            read_everywhere(path, form)

    tried()


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_is_not_there_or_empty(tmp_path: Path, form: str) -> None:
    read_everywhere(tmp_path / f"gone.{form}", form)
    (tmp_path / f"empty.{form}").touch()
    read_everywhere(tmp_path / f"empty.{form}", form)


def test_ten_thousand_columns_and_a_message_of_a_megabyte(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(10_000)]
    (tmp_path / "wide.tsv").write_text("\t".join(["en", "fr", *names]) + "\n" + "\t".join(["a"] * 10_002) + "\n")
    (tmp_path / "long.tsv").write_text("en\tfr\n" + "a" * 1_000_000 + "\tb\n")
    for name in ("wide.tsv", "long.tsv"):
        reader = open_reader(SourceConfig("tsv", name, "x"), CorpusConfig(root=str(tmp_path)))
        assert sum(table.num_rows for table in reader.tables()) == 1
