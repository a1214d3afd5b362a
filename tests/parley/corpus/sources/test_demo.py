"""The demo corpus as a source."""

import pyarrow as pa

from parley.corpus.config import CorpusConfig, DemoSize
from parley.corpus.rows import corpus_schema
from parley.corpus.source_config import SourceConfig
from parley.corpus.sources.registry import open_reader
from parley.languages.table import CODES


def test_the_head_shows_what_is_composed() -> None:
    config = CorpusConfig(demo=DemoSize(1000, 8, 16), withhold_pairs=["fr-th"])
    reader = open_reader(SourceConfig("demo", name="demo", clean=False), config)
    table = pa.concat_tables(reader.tables())
    assert dict(reader.head().columns) == dict.fromkeys(table.column_names, "string")
    assert table.schema.equals(corpus_schema(list(CODES)))
    assert table.num_rows == 1024
    assert not [row for row in table.to_pylist() if row["split"] == "train" and row["fr"] and row["th"]]
