"""A source of a given format in a temporary folder, read as the stage reads it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from parley.corpus.config import CorpusConfig
from parley.corpus.source_config import SourceConfig
from parley.corpus.sources.reader import Reader
from parley.corpus.sources.registry import open_reader

Opened = Callable[..., Reader]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """`opened("tsv", "file.tsv", **fields)` gives the reader of a source under `tmp_path`."""

    def reader(format: str, path: str, **fields: Any) -> Reader:
        return open_reader(SourceConfig(format, path, "example", **fields), CorpusConfig(root=str(tmp_path)))

    return reader


def rows(reader: Reader) -> list[dict[str, Any]]:
    """All rows of a reader."""
    return pa.concat_tables(reader.tables()).to_pylist()
