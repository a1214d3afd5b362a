"""What the corpus stages are told: the sources, and what becomes of their rows."""

from dataclasses import dataclass, field
from typing import Final, Literal

from parley.corpus.source_config import SPLITS, SourceConfig
from parley.languages.table import CODES, language, pair
from parley.pipeline.errors import InputError
from parley.pipeline.stage import transient

STEPS: Final = (
    *("mojibake", "entities", "normalise", "damage", "length", "letters", "script", "repetition", "copies"),
    *("numbers", "placeholders", "urls", "length_ratio", "language"),
)


@dataclass(frozen=True)
class CleaningConfig:
    """The filters, in their order, and what compares rows with one another. Each is described in docs/cleaning.md.

    Attributes:
        steps: names in `filters.registry.FILTERS`; one that is left out is off.
        max_chars: of the filter `length`: longer cells are dropped.
        duplicates: train rows that repeat an earlier one are dropped: `exact` ones, `near` ones too, or `none`.
        decontamination: train and dev rows that hold a test text are dropped: an `exact` one, or a `near` one too.

    Raises:
        InputError: a step is named twice, or no characters are left.
    """

    steps: list[str] = field(default_factory=lambda: list(STEPS))
    max_chars: int = 600
    duplicates: Literal["none", "exact", "near"] = "near"
    decontamination: Literal["exact", "near"] = "near"

    def __post_init__(self) -> None:
        if len(set(self.steps)) != len(self.steps):
            raise InputError("cleaning.steps: a step is named twice")
        if self.max_chars < 1:
            raise InputError(f"cleaning.max_chars={self.max_chars}: must be 1 or more")


@dataclass(frozen=True)
class DemoSize:
    """The demo corpus (`format: demo`); see `parley.corpus.demo.DemoConfig`.

    Attributes:
        train_rows, dev_rows, test_rows: messages in each split.
        hub: the one language that stands beside the second language of a withheld pair in train; empty: all do.
    """

    train_rows: int = 6000
    dev_rows: int = 64
    test_rows: int = 128
    hub: str = ""


@dataclass(frozen=True)
class CorpusConfig:
    """The corpus: which sources, which languages, and how rows are filtered and split.

    Attributes:
        languages: codes of those that are read; empty: all that the sources have (`parley.corpus.discovery`).
        sources: name -> source; rows stay in the order of the names, and of two equal train rows the first is kept.
        exclude: names of sources, or of files of an `each_file` source, that are left out where they are there.
        cleaning: the filters, and what becomes of duplicates and of rows that hold a test text.
        demo: size of the demo corpus, where it is a source.
        withhold_pairs: pairs that are never trained on directly, such as fr-th; rows keep both languages. A pair of
            other languages than the corpus has says nothing.
        protected: test sets of the user: no train or dev row may hold one of their texts; they are not corpus rows.
        dev_share, test_share: share of the rows without a split of their own that the content hash puts there.
        split_seed: of that draw and of the demo's composition; runs with other seeds have the same test set.
        required_splits: an empty one of these is refused.
        root: folder that relative paths are under (its place does not matter, the content of the files does).
        contracts: JSON file that remembers the shape of every source between runs; empty: not remembered.
        accept_changes: take the present shape of every source as the new one.
    """

    sources: dict[str, SourceConfig] = field(default_factory=dict)
    exclude: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=lambda: list(CODES))
    withhold_pairs: list[str] = field(default_factory=list)
    protected: dict[str, SourceConfig] = field(default_factory=dict)
    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    demo: DemoSize = field(default_factory=DemoSize)
    dev_share: float = 0.002
    test_share: float = 0.002
    required_splits: list[str] = field(default_factory=lambda: list(SPLITS))
    split_seed: int = 1
    root: str = transient(".")
    contracts: str = transient("")
    accept_changes: bool = transient(False)

    def __post_init__(self) -> None:
        if len({language(code).code for code in self.languages}) == 1:
            raise InputError("languages: a corpus needs at least two")
        for withheld in self.withhold_pairs:
            pair(withheld)
        if not 0 <= self.dev_share + self.test_share < 1:
            raise InputError("dev_share and test_share must leave a share for train")
        unknown = [split for split in self.required_splits if split not in SPLITS]
        if unknown:
            raise InputError(f"required_splits: unknown split '{unknown[0]}'; valid: {' '.join(SPLITS)}")

    @property
    def codes(self) -> list[str]:
        """The languages in the order of `CODES`, which is the order of the columns."""
        return [code for code in CODES if code in self.languages]

    @property
    def withheld(self) -> list[str]:
        """The withheld pairs of the languages there are, each in the order of `CODES`."""
        pairs = (sorted(pair(each), key=CODES.index) for each in self.withhold_pairs)
        return sorted({"-".join(both) for both in pairs if set(both) <= set(self.languages)})
