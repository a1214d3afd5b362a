"""Settings of cleaning: which filters run, in which order, and how strict each is. Figures: docs/cleaning.md."""

from dataclasses import dataclass, field
from typing import Final

from parley.pipeline.errors import InputError

STEPS: Final[tuple[str, ...]] = (
    "normalise",
    "damage",
    "length",
    "letters",
    "script",
    "repetition",
    "copies",
    "numbers",
    "placeholders",
    "urls",
    "length_ratio",
    "language",
)


@dataclass(frozen=True)
class LengthConfig:
    """Characters per cell, and how far cells of one row may differ."""

    min_chars: int = 1
    # Chat is short; a very long cell costs a padded batch and is mostly a wall of help text.
    max_chars: int = 600
    # Largest ratio to the mean of the row's other cells, in expected English characters.
    max_ratio: float = 2.5
    # Added to both sides of the ratio, in characters: "OK" against "Einverstanden" is no misalignment.
    slack: float = 12.0


@dataclass(frozen=True)
class ScriptConfig:
    """Letters in the language's own script, and enough letters at all."""

    # Letters among characters other than spaces; less is a formula, a table or a smiley.
    min_letters: float = 0.3
    # Own letters among all letters in Latin-script languages: names in other scripts are rare there.
    min_own_latin: float = 0.6
    # The same for other scripts, where names and game terms stay Latin, and a Han character stands for 3 Latin letters.
    min_own_other: float = 0.1
    # Largest share of kana among the East Asian letters of a Chinese cell (の is used for style).
    max_kana_in_chinese: float = 0.2
    # A Japanese cell of so many Han letters without any kana is taken for Chinese.
    max_han_without_kana: int = 12


@dataclass(frozen=True)
class RepetitionConfig:
    """Loops ("hahahaha"), unless at least half of the row's other cells loop as well."""

    # Copies of one character in a row.
    max_characters: int = 12
    # Copies of one pattern of 2 to `max_period` characters in a row: syllables, words, short phrases.
    max_patterns: int = 6
    max_period: int = 16


@dataclass(frozen=True)
class CopiesConfig:
    """Cells that repeat another language's cell."""

    # Shorter copies may be names, brands or loanwords.
    min_letters: int = 20


@dataclass(frozen=True)
class NumbersConfig:
    """Digits that disagree with the row's other cells."""

    # So many digits (zeros do not count) may be missing or added: small numbers are written out ("two") and reworded.
    tolerated_digits: int = 2


@dataclass(frozen=True)
class LanguageConfig:
    """Language identification."""

    # Shorter cells are not judged: the identifier's errors concentrate there.
    min_letters: int = 20
    # How far another language's probability must be ahead. Higher than for evaluation: dropping costs data.
    lead: float = 0.5


@dataclass(frozen=True)
class DuplicatesConfig:
    """Train rows that repeat an earlier train row in all their languages."""

    exact: bool = True
    near: bool = True
    # Jaccard overlap of character n-grams over all cells of the two rows.
    min_overlap: float = 0.8
    ngram: int = 5
    # Rows with fewer normalised characters in all are only compared exactly: one word more makes another message.
    min_chars: int = 60
    # Hash functions (accuracy) in bands (recall): 32 in 8 bands find 98 % of the pairs that overlap by 0.8.
    hashes: int = 32
    bands: int = 8


@dataclass(frozen=True)
class DecontaminationConfig:
    """Train rows that hold a dev, test or user-supplied test text."""

    # Test texts with fewer normalised characters are left in train; 1 leaves nothing.
    min_chars: int = 1
    near: bool = True
    # Share of the test text's character n-grams that stand in the train cell: one or two words of a sentence differ.
    min_overlap: float = 0.7
    # In English characters; in denser scripts fewer, at least 3.
    ngram: int = 8
    # Test texts with fewer normalised characters are matched exactly only: "looking forward to seeing you" is no leak.
    # In English characters too.
    near_min_chars: int = 40


@dataclass(frozen=True)
class CleaningConfig:
    """All of cleaning.

    Raises:
        InputError: unknown or repeated step, or a figure out of its range.
    """

    steps: list[str] = field(default_factory=lambda: list(STEPS))
    length: LengthConfig = field(default_factory=LengthConfig)
    script: ScriptConfig = field(default_factory=ScriptConfig)
    repetition: RepetitionConfig = field(default_factory=RepetitionConfig)
    copies: CopiesConfig = field(default_factory=CopiesConfig)
    numbers: NumbersConfig = field(default_factory=NumbersConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)
    duplicates: DuplicatesConfig = field(default_factory=DuplicatesConfig)
    decontamination: DecontaminationConfig = field(default_factory=DecontaminationConfig)

    def __post_init__(self) -> None:
        for step in self.steps:
            if step not in STEPS:
                raise InputError(f"cleaning.steps: unknown step '{step}'. Valid steps: {' '.join(STEPS)}")
        if len(set(self.steps)) != len(self.steps):
            raise InputError("cleaning.steps: a step is named twice")
        if not 1 <= self.length.min_chars <= self.length.max_chars:
            raise InputError("cleaning.length: 1 <= min_chars <= max_chars must hold")
        if self.length.max_ratio <= 1:
            raise InputError("cleaning.length.max_ratio must be above 1")
        if self.duplicates.hashes % self.duplicates.bands:
            raise InputError("cleaning.duplicates.hashes must be a multiple of bands")
        for name, overlap in (("duplicates", self.duplicates), ("decontamination", self.decontamination)):
            if not 0 < overlap.min_overlap <= 1 or overlap.ngram < 1:
                raise InputError(f"cleaning.{name}: 0 < min_overlap <= 1 and ngram >= 1 must hold")
