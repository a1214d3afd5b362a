"""One source of text: where it lies, what its columns are, and the contract that it is held against."""

import codecs
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from parley.languages.table import language
from parley.pipeline.errors import InputError

SPLITS: Final = ("train", "dev", "test")
ROW_COLUMNS: Final = ("row_id", "domain", "split", "origin")
SPLIT_ALIASES: Final[Mapping[str, str]] = {
    **{split: split for split in SPLITS},
    "validation": "dev",
    "valid": "dev",
    "val": "dev",
}


@dataclass(frozen=True)
class SourceConfig:
    """One source and the contract that it is held against.

    Attributes:
        format: a name in `sources.registry.SOURCES`.
        path: file or glob under `CorpusConfig.root`; for Moses with `{language}` in it; for hub a dataset id, a folder
            under the root, or the name of a builder (parquet, json, csv) together with `data_files`.
        name: how the source is called in facts and messages; empty: its key in `CorpusConfig.sources`.
        domain: the rows' domain when there is no such column; empty: the name.
        columns: column of the source -> column of the corpus (a language code, row_id, domain, split or origin).
            `translation.en` reaches into a translation dictionary. Empty: columns that are called as in the corpus.
        texts: pairs: column of text -> column that names its language, for both sides.
        at_most: pairs: column of numbers -> largest value; rows above it, or without it, are left out.
        languages: read these only, and each must be there; empty: all that the columns give.
        types: declared Arrow type of columns, held against what is found; language columns must be strings anyway.
        min_rows: fewer rows are refused.
        max_rows: read no more than these (hub: of each subset and split); 0: all.
        encoding: of text formats; must be ASCII-compatible.
        header: tsv and csv: the first line names the columns; otherwise they are called 1, 2, 3, ...
        split: split of every row of the source; empty: its split column, or else the content hash.
        split_names: the source's name of a split -> train, dev or test; for hub and pairs also which splits are read.
        subsets: hub: subset (configuration) -> its own `columns`; empty columns: those of the source.
        join: hub: column by which subsets, one per language, are joined into rows (in memory); empty: no joining.
        data_files: hub: split -> path or URL, in which `{subset}` may stand.
        options: further settings of the format; hub: arguments of the builder, such as the csv delimiter.
        revision: hub: commit of the dataset; pin it, for files behind it are not digested.
        each_file: every file that the glob matches is a source of its own, named after the file.
        clean: run the cleaning filters; evaluation sets are better left as they are.
        origin: the rows' origin when there is no such column.
        licence: as stated by the source; goes into the manifest.
        licences: each_file: name of a file without its suffix -> its licence.
    """

    format: str = "parquet"
    path: str = ""
    name: str = ""
    domain: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    at_most: dict[str, float] = field(default_factory=dict)
    languages: list[str] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    min_rows: int = 1
    max_rows: int = 0
    encoding: str = "utf-8"
    header: bool = True
    split: str = ""
    split_names: dict[str, str] = field(default_factory=dict)
    subsets: dict[str, dict[str, str]] = field(default_factory=dict)
    join: str = ""
    data_files: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    revision: str = ""
    each_file: bool = False
    clean: bool = True
    origin: str = "human"
    licence: str = ""
    licences: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        called = f"source '{self.name or self.path}'"
        for columns in (self.columns, *self.subsets.values()):
            _check_columns(columns, called)
        for split in (*self.split_names.values(), *([self.split] if self.split else [])):
            if split not in SPLITS:
                raise InputError(f"{called}: unknown split '{split}'; valid: {' '.join(SPLITS)}")
        for code in self.languages:
            language(code)
        _check_encoding(self.encoding, called)

    def split_of(self, value: str) -> str | None:
        """The corpus split that the source's own name of a split stands for; None when it is unknown."""
        return self.split_names.get(value) if self.split_names else SPLIT_ALIASES.get(value)


def named(sources: Mapping[str, SourceConfig]) -> list[SourceConfig]:
    """The sources of a mapping, each with a name."""
    return [replace(source, name=source.name or key) for key, source in sources.items()]


def _check_columns(columns: Mapping[str, str], called: str) -> None:
    for target in columns.values():
        if target not in ROW_COLUMNS:
            try:
                language(target)
            except InputError as error:
                raise InputError(f"{called}: columns: {error}, or one of {' '.join(ROW_COLUMNS)}") from error
    repeated = _first_repeated(columns.values())
    if repeated:
        raise InputError(f"{called}: two columns are mapped to '{repeated}'")


def _check_encoding(encoding: str, called: str) -> None:
    try:
        ascii_compatible = codecs.encode("a\n", encoding) == b"a\n"
    except LookupError as error:
        raise InputError(f"{called}: unknown encoding '{encoding}'") from error
    if not ascii_compatible:
        raise InputError(f"{called}: encoding '{encoding}' cannot be read line by line; convert the file to utf-8")


def _first_repeated(values: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None
