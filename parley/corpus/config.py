"""What the corpus stage is told: its sources, and what becomes of their rows."""

import codecs
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from parley.corpus.cleaning_config import CleaningConfig
from parley.languages.table import CODES, language, pair
from parley.pipeline.errors import InputError
from parley.pipeline.stage import transient

FORMATS: Final = ("parquet", "pairs", "tsv", "csv", "moses", "tmx", "jsonl", "hub", "demo")
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
        format: one of `FORMATS`.
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
        options: hub: further arguments of the builder, such as the csv delimiter.
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
        if self.format not in FORMATS:
            raise InputError(f"{called}: unknown format '{self.format}'; valid: {' '.join(FORMATS)}")
        if (self.format == "pairs") != (len(self.texts) == 2) or (self.at_most and not self.texts):
            raise InputError(f"{called}: format pairs, and no other, has two texts (and may have at_most)")
        for columns in (self.columns, *self.subsets.values()):
            _check_columns(columns, called)
        for split in (*self.split_names.values(), *([self.split] if self.split else [])):
            if split not in SPLITS:
                raise InputError(f"{called}: unknown split '{split}'; valid: {' '.join(SPLITS)}")
        for code in self.languages:
            language(code)
        if self.each_file and (self.languages or self.format in ("hub", "moses", "demo")):
            raise InputError(f"{called}: each_file goes with a glob of files, and not with languages")
        _check_encoding(self.encoding, called)

    def split_of(self, value: str) -> str | None:
        """The corpus split that the source's own name of a split stands for; None when it is unknown."""
        return self.split_names.get(value) if self.split_names else SPLIT_ALIASES.get(value)


@dataclass(frozen=True)
class DemoSize:
    """The demo corpus (`format: demo`); see `parley.corpus.demo.DemoConfig`.

    Attributes:
        train_rows, dev_rows, test_rows: messages in each split.
        hub: the one language that stands beside the second language of a withheld pair in train; empty: all do.
        rare_share: share of the train rows for each such second language.
    """

    train_rows: int = 6000
    dev_rows: int = 64
    test_rows: int = 128
    hub: str = ""
    rare_share: float = 0.15


@dataclass(frozen=True)
class CorpusConfig:
    """The corpus: which sources, which languages, and how rows are filtered and split.

    Attributes:
        sources: name -> source; rows stay in the order of the names, and of two equal train rows the first is kept.
        exclude: names of sources, or of files of an `each_file` source, that are left out.
        min_languages: rows with fewer filled languages are dropped.
        cleaning: the filters; the shortest and longest cells are `cleaning.length.min_chars` and `max_chars`.
        withhold_pairs: pairs that are never trained on directly, such as fr-th; rows keep both languages.
        protected: test sets of the user: no train or dev row may hold one of their texts; they are not corpus rows.
        dev_share, test_share: share of the rows without a split of their own that the content hash puts there.
        required_splits: an empty one of these is refused.
        root: folder that relative paths are under (its place does not matter, the content of the files does).
        contracts: JSON file that remembers the shape of every source between runs; empty: not remembered.
        accept_changes: take the present shape of every source as the new one.
        workers: processes; 0: one for each core.
    """

    sources: dict[str, SourceConfig] = field(default_factory=dict)
    exclude: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=lambda: list(CODES))
    min_languages: int = 2
    withhold_pairs: list[str] = field(default_factory=list)
    protected: dict[str, SourceConfig] = field(default_factory=dict)
    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    demo: DemoSize = field(default_factory=DemoSize)
    dev_share: float = 0.002
    test_share: float = 0.002
    required_splits: list[str] = field(default_factory=lambda: list(SPLITS))
    seed: int = 1
    root: str = transient(".")
    contracts: str = transient("")
    accept_changes: bool = transient(False)
    workers: int = transient(0)

    def __post_init__(self) -> None:
        if len({language(code).code for code in self.languages}) < 2:
            raise InputError("languages: a corpus needs at least two")
        for withheld in self.withhold_pairs:
            missing = [code for code in pair(withheld) if code not in self.languages]
            if missing:
                raise InputError(f"withhold_pairs: '{withheld}' has '{missing[0]}', which is not among the languages")
        if not 0 <= self.dev_share + self.test_share < 1:
            raise InputError("dev_share and test_share must leave a share for train")
        unknown = [split for split in self.required_splits if split not in SPLITS]
        if unknown:
            raise InputError(f"required_splits: unknown split '{unknown[0]}'; valid: {' '.join(SPLITS)}")
        if self.min_languages < 2:
            raise InputError("min_languages must be at least 2: a row with one language has no direction")

    @property
    def codes(self) -> list[str]:
        """The languages in the order of `CODES`, which is the order of the columns."""
        return [code for code in CODES if code in self.languages]

    @property
    def withheld(self) -> list[str]:
        """The withheld pairs, each with its languages in the order of `CODES`."""
        return sorted({"-".join(sorted(pair(each), key=CODES.index)) for each in self.withhold_pairs})


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
