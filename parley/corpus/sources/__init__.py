"""Readers of source formats, and the list of sources that a configuration comes to."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from parley.corpus.config import CorpusConfig, SourceConfig, named
from parley.corpus.sources.delimited import DelimitedReader
from parley.corpus.sources.demo import DemoReader
from parley.corpus.sources.hub import HubReader
from parley.corpus.sources.jsonl import JsonLinesReader
from parley.corpus.sources.moses import MosesReader
from parley.corpus.sources.pairs import PairsReader
from parley.corpus.sources.parquet import ParquetReader
from parley.corpus.sources.reader import Reader
from parley.corpus.sources.tmx import TmxReader
from parley.pipeline.errors import InputError

_READERS: Final[Mapping[str, type[Reader]]] = {
    "parquet": ParquetReader,
    "pairs": PairsReader,
    "tsv": DelimitedReader,
    "csv": DelimitedReader,
    "moses": MosesReader,
    "tmx": TmxReader,
    "jsonl": JsonLinesReader,
    "hub": HubReader,
}


def open_reader(source: SourceConfig, config: CorpusConfig) -> Reader:
    """The reader for the source's format."""
    root = Path(config.root)
    if source.format == "demo":
        return DemoReader(source, root, config)
    return _READERS[source.format](source, root)


def list_sources(config: CorpusConfig) -> list[SourceConfig]:
    """The sources by name: excluded ones left out, `each_file` ones replaced by one source per file.

    A source that is named after such a file takes its place. The order in the configuration does not matter, as it does
    not for the fingerprint of a stage.

    Raises:
        InputError: no source at all, or `exclude` names none.
    """
    own = {source.name: source for source in named(config.sources)}
    sources: dict[str, SourceConfig] = {}
    for source in own.values():
        for each in _per_file(source, config) if source.each_file else [source]:
            if each is source or each.name not in own:
                sources[each.name] = each
    unknown = [name for name in config.exclude if name not in sources]
    if unknown:
        raise InputError(f"exclude: no source '{unknown[0]}'; there are: {' '.join(sorted(sources)) or 'none'}")
    kept = [sources[name] for name in sorted(sources) if name not in config.exclude]
    if not kept:
        raise InputError("sources: a corpus needs at least one")
    return kept


def _per_file(source: SourceConfig, config: CorpusConfig) -> list[SourceConfig]:
    files = open_reader(source, config).files()
    root = Path(config.root)
    return [
        replace(
            source,
            name=path.stem,
            path=str(path.relative_to(root)),
            licence=source.licences.get(path.stem, source.licence),
            licences={},
            each_file=False,
        )
        for path in files
    ]
