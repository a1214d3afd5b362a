"""The demo corpus that the project ships."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from parley.corpus.config import CorpusConfig
from parley.corpus.contract import Shape
from parley.corpus.demo import PHRASES, DemoConfig, compose_demo, languages_of, load_phrases
from parley.corpus.source_config import ROW_COLUMNS, SourceConfig
from parley.corpus.sources.reader import Part, Reader
from parley.corpus.sources.registry import SOURCES
from parley.reading.parquet import BATCH_ROWS


@SOURCES.register("demo")
class DemoReader(Reader):
    """Composes the messages from the phrase files; size, seed and withheld pairs are those of the corpus."""

    by_file = False

    def __init__(self, source: SourceConfig, config: CorpusConfig) -> None:
        super().__init__(source, config)
        size = config.demo
        self._config = DemoConfig(
            size.train_rows,
            size.dev_rows,
            size.test_rows,
            list(config.withhold_pairs),
            size.hub,
            seed=config.split_seed,
        )

    def files(self) -> list[Path]:
        return sorted(PHRASES.glob("*.yaml"))

    def head(self) -> Shape:
        codes = languages_of(load_phrases())  # composing takes seconds; this finds what is wrong with the phrases
        return Shape(dict.fromkeys([*ROW_COLUMNS, *codes], "string"), codes)

    def read(self, part: Part) -> Iterator[pa.Table]:
        for batch in compose_demo(self._config).to_batches(BATCH_ROWS):
            yield pa.Table.from_batches([batch])
