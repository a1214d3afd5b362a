"""Perturbations that messages are also translated under: another source language told or none, other text given."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from parley.corpus.augmentation.case import in_small_letters
from parley.corpus.augmentation.punctuation import without_punctuation
from parley.corpus.augmentation.registry import Message, augmented
from parley.languages.table import AUTO, pair


@dataclass(frozen=True)
class Perturbation:
    """How messages are given to a system.

    Attributes:
        name: of the slice in the report; empty for messages as they are.
        told: (direction, languages of the test set) -> the source language that the system is told.
        written: (message with its reference as target, seed) -> what the system gets and what is wanted of it; the
            message itself where it cannot be perturbed.
        all: whether messages that cannot be perturbed are given as they are; else they are left out.
    """

    name: str = ""
    told: Callable[[str, Sequence[str]], str] = lambda direction, _: pair(direction)[0]
    written: Callable[[Message, str], Message] = lambda message, _: message
    all: bool = True


def another_language(direction: str, languages: Sequence[str]) -> str:
    """A language that is neither source nor target; the same for a direction every time.

    Raises:
        ValueError: there is no third language.
    """
    others = [code for code in languages if code not in pair(direction)]
    if not others:
        raise ValueError(f"no third language beside {direction}")
    return random.Random(direction).choice(others)


def roughly_typed(message: Message, seed: str) -> Message:
    """In small letters, without punctuation, with one slip of the finger, where the script has such."""
    return augmented(without_punctuation(in_small_letters(message)), ("typos",), seed)


PLAIN: Final = Perturbation()
AUTO_SOURCE: Final = Perturbation("auto_source", told=lambda *_: AUTO)
WRONG_SOURCE: Final = Perturbation("wrong_source", told=another_language)
NOISY: Final = Perturbation("noisy", written=roughly_typed)
MIXED: Final = Perturbation("mixed", written=lambda message, seed: augmented(message, ("mixed",), seed), all=False)
COPIED: Final = Perturbation("copied", written=lambda message, seed: augmented(message, ("copied",), seed))
PERTURBATIONS: Final = {one.name: one for one in (AUTO_SOURCE, COPIED, MIXED, NOISY, WRONG_SOURCE)}
