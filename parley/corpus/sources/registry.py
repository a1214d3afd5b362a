"""The source formats by name."""

from collections.abc import Callable
from typing import Final

from parley.corpus.config import CorpusConfig
from parley.corpus.source_config import SourceConfig
from parley.corpus.sources.reader import Reader
from parley.registry import Registry

SOURCES: Final = Registry[Callable[[SourceConfig, CorpusConfig], Reader]]("source format", "parley.corpus.sources")


def open_reader(source: SourceConfig, config: CorpusConfig) -> Reader:
    """The reader for the source's format.

    Raises:
        InputError: no such format, or a setting that it needs is missing.
    """
    return SOURCES[source.format](source, config)
