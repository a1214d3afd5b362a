"""The list of sources that a configuration comes to."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from parley.corpus.config import CorpusConfig
from parley.corpus.source_config import SourceConfig, named
from parley.corpus.sources.registry import open_reader
from parley.pipeline.errors import InputError
from parley.reading.rows import COMPRESSED


def list_sources(config: CorpusConfig) -> list[SourceConfig]:
    """The sources by name: excluded ones left out, `each_file` ones replaced by one source per file.

    A source that is named after such a file takes its place. The order in the configuration does not matter, as it does
    not for the fingerprint of a stage.

    Raises:
        InputError: no source at all, two of one name, or a file that two `each_file` sources match.
    """
    kept = {name: source for name, source in _all(config).items() if name not in config.exclude}
    if not kept:
        raise InputError("sources: a corpus needs at least one")
    return [kept[name] for name in sorted(kept)]


def absent(config: CorpusConfig) -> list[str]:
    """Names in `exclude` that no source has."""
    return sorted(set(config.exclude) - _all(config).keys())


def file_names(paths: Sequence[Path]) -> list[str]:
    """A name for each of several files: its stem; where two have one, the path, if need be with its ending."""
    forms: tuple[Callable[[Path], str], ...] = (_stem, lambda path: str(path.with_name(_stem(path))), str)
    names = list(map(forms[0], paths))
    for form in forms[1:]:
        often = Counter(names)
        names = [form(path) if often[name] > 1 else name for path, name in zip(paths, names, strict=True)]
    return names


def _all(config: CorpusConfig) -> dict[str, SourceConfig]:
    given = named(config.sources)
    often = Counter(source.name for source in given)
    if repeated := next((name for name, count in often.items() if count > 1), ""):
        raise InputError(f"sources: two are called '{repeated}'")
    files = [each for source in given if source.each_file for each in _per_file(source, config)]
    paths = Counter(each.path for each in files)
    if twice := next((path for path, count in paths.items() if count > 1), ""):
        raise InputError(f"sources: '{twice}' is matched by two sources with each_file")
    names = file_names([Path(each.path) for each in files])
    own = {source.name: source for source in given if not source.each_file}
    return {name: replace(each, name=name) for name, each in zip(names, files, strict=True)} | own


def _per_file(source: SourceConfig, config: CorpusConfig) -> list[SourceConfig]:
    reader, root = open_reader(source, config), Path(config.root)
    if source.languages or not reader.by_file:
        raise InputError(f"source '{source.name}': each_file goes with a glob of files, and not with languages")
    return [
        replace(
            source,
            path=str(path.relative_to(root)),
            licence=source.licences.get(_stem(path), source.licence),
            licences={},
            each_file=False,
        )
        for path in reader.files()
    ]


def _stem(path: Path) -> str:
    """The name without its ending and that of its compression."""
    return Path(path.stem).stem if path.suffix in COMPRESSED else path.stem
