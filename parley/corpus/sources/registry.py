"""The source formats by name, and the list of sources that a configuration comes to."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from parley.corpus.config import CorpusConfig
from parley.corpus.source_config import SourceConfig, named
from parley.corpus.sources.reader import Reader
from parley.pipeline.errors import InputError
from parley.registry import Registry

SOURCES: Final = Registry[Callable[[SourceConfig, CorpusConfig], Reader]]("source format", "parley.corpus.sources")


def open_reader(source: SourceConfig, config: CorpusConfig) -> Reader:
    """The reader for the source's format.

    Raises:
        InputError: no such format, or a setting that it needs is missing.
    """
    return SOURCES[source.format](source, config)


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
    reader, root = open_reader(source, config), Path(config.root)
    if source.languages or not reader.by_file:
        raise InputError(f"source '{source.name}': each_file goes with a glob of files, and not with languages")
    return [
        replace(
            source,
            name=path.stem,
            path=str(path.relative_to(root)),
            licence=source.licences.get(path.stem, source.licence),
            licences={},
            each_file=False,
        )
        for path in reader.files()
    ]
