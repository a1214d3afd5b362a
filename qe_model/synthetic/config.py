"""How many synthetic errors are made, and which."""

from dataclasses import dataclass, field
from typing import Final

from parley.languages.table import language
from parley.pipeline.errors import InputError

OPERATION_NAMES: Final = (
    "omission",
    "addition",
    "mistranslation",
    "slot_swap",
    "glossary_swap",
    "antonym",
    "negation",
    "number",
    "name",
    "unit",
    "untranslated",
    "wrong_language",
    "sentence_swap",
    "word_order",
    "shuffle",
    "spelling",
    "agreement",
    "repetition",
)


@dataclass(frozen=True)
class SyntheticConfig:
    """How much is damaged, and how.

    Attributes:
        languages: target languages; empty: all of the corpus.
        per_language: translations into each language from the train split.
        held_out: translations into each language from dev, and from test.
        messages: read of each language at most; words that are put in come from these.
        clean_share: of the translations stay as they are.
        more_errors: chance of one more error after each; so 0.4 gives 1.7 errors on average in those that have any.
        context_share: of the translations have one to three messages before them that decide nothing.
        operations: weight of each operation; those left out weigh 1, 0 turns one off.
        seed: another seed, other errors.
    """

    languages: list[str] = field(default_factory=list)
    per_language: int = 2000
    held_out: int = 200
    messages: int = 10_000
    clean_share: float = 0.25
    more_errors: float = 0.4
    context_share: float = 0.2
    operations: dict[str, float] = field(
        default_factory=lambda: {"wrong_language": 0.4, "sentence_swap": 0.4, "shuffle": 0.4}
    )
    seed: int = 1

    def __post_init__(self) -> None:
        for code in self.languages:
            language(code)
        unknown = sorted(set(self.operations) - set(OPERATION_NAMES))
        if unknown:
            raise InputError(f"no operation '{unknown[0]}': they are {' '.join(OPERATION_NAMES)}")
        if any(weight < 0 for weight in self.operations.values()) or not any(self.weights()):
            raise InputError("operations need weights of 0 or more, at least one above 0")
        for key in ("clean_share", "more_errors", "context_share"):
            if not 0 <= getattr(self, key) <= 1:
                raise InputError(f"{key} is {getattr(self, key)}: it must be between 0 and 1")
        for key in ("per_language", "held_out", "messages"):
            if getattr(self, key) < 0:
                raise InputError(f"{key} is {getattr(self, key)}: it must not be negative")

    def weights(self) -> list[float]:
        """Weights in the order of `OPERATION_NAMES`."""
        return [self.operations.get(name, 1.0) for name in OPERATION_NAMES]
