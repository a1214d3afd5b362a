"""What a folder tells by itself: which of its files are sources of which format, and which languages they have."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from parley.corpus.config import CorpusConfig
from parley.corpus.source_config import SourceConfig
from parley.corpus.sources.columns import NoLanguageError
from parley.corpus.sources.listing import file_names, list_sources
from parley.corpus.sources.registry import open_reader
from parley.languages.table import CODES, code_of
from parley.pipeline.errors import InputError
from parley.pipeline.progress import say
from parley.reading.rows import COMPRESSED, ending

FOLDER: Final = "folder"
BY_ENDING: Final = {f".{name}": name for name in ("parquet", "tsv", "csv", "jsonl", "tmx")}
_TEXT: Final = (".txt", *COMPRESSED)


def discovered(config: CorpusConfig) -> CorpusConfig:
    """The configuration with a source for each file of a `format: folder`, and with the languages of the files.

    Raises:
        InputError: a folder without a file that can be read, a file that is broken, or fewer than two languages.
    """
    sources: dict[str, SourceConfig] = {}
    for name, source in config.sources.items():
        sources |= _files_of(source, config) if source.format == FOLDER else {name: source}
    found = replace(config, sources=sources)
    if config.languages:
        return found
    codes = {code for source in list_sources(found) for code in open_reader(source, found).head().languages}
    if len(codes) < 2:
        raise InputError(f"the files have text in {' '.join(codes) or 'no language'}: a corpus needs two languages")
    languages = [code for code in CODES if code in codes]
    say(f"languages found: {' '.join(languages)}")
    return replace(found, languages=languages)


def _files_of(source: SourceConfig, config: CorpusConfig) -> dict[str, SourceConfig]:
    """A source for each file under the folder that has text in a language; says which, and which have none."""
    root = Path(config.root)
    place = root / source.path
    files = sorted(path.relative_to(root) for path in place.rglob("*") if path.is_file())
    files = [path for path in files if not any(part.startswith(".") for part in path.parts)]
    plain = [path for path in files if ending(path) in BY_ENDING]
    aligned = _aligned(path for path in files if path not in plain)
    given = [replace(source, format=BY_ENDING[ending(path)], path=str(path)) for path in plain]
    given += [replace(source, format="moses", path=path, columns=columns) for path, columns in aligned.items()]
    names = file_names([Path(each.path.replace(".{language}", "").replace("{language}", "texts")) for each in given])
    sources = dict(zip(names, given, strict=True))
    without = [name for name, each in sources.items() if not _has_language(replace(each, name=name), config)]
    read = {str(each.path) for each in given}
    read |= {path.replace("{language}", name) for path, columns in aligned.items() for name in columns}
    left = sorted({str(path) for path in files} - read | {sources[name].path for name in without})
    kept = {name: each for name, each in sources.items() if name not in without}
    if not kept:
        forms = f"{' '.join(BY_ENDING)}, or text files by language such as chat.en and chat.fr"
        raise InputError(f"{place}: no file with text in a language; what is read: {forms}")
    say(f"{place}: {', '.join(f'{each.path} ({each.format})' for each in kept.values())}")
    if left:
        say(f"{place}: not read: {', '.join(left)}")
    return kept


def _aligned(paths: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Moses files: path with `{language}` -> language as the files write it -> code; two languages at least."""
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for path in paths:
        parts = path.name.split(".")
        while len(parts) > 1 and f".{parts[-1]}" in _TEXT:
            parts.pop()
        code = code_of(parts[-1])
        if code and code not in groups[(pattern := _pattern(path, parts))].values():
            groups[pattern][parts[-1]] = code
    return {pattern: columns for pattern, columns in groups.items() if len(columns) > 1}


def _pattern(path: Path, parts: list[str]) -> str:
    """The path with `{language}` in place of the last of the parts that its name begins with."""
    rest = path.name[len(".".join(parts)) :]
    return str(path.with_name(".".join([*parts[:-1], "{language}"]) + rest))


def _has_language(source: SourceConfig, config: CorpusConfig) -> bool:
    try:
        open_reader(source, config).head()
    except NoLanguageError:
        return False
    return True
