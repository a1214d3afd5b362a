"""What the packages ask of whoever translates; light to import, so that none of them loads torch for a type.

`parley.decoding.translator.Translator` and the runtime of an exported student are both.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Detection(NamedTuple):
    """A language's code, and the model's probability that a message is in it."""

    code: str
    probability: float


class TranslatesMany(Protocol):
    """Translates messages in any directions at once."""

    def translate_many(self, texts: Sequence[str], sources: Sequence[str], targets: Sequence[str]) -> list[str]:
        """Translate [N] texts, each from its source language (a code or `auto`) into its target language."""
        ...
