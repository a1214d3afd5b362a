"""Augmentations: registered, seeded changes of a message's text, one file each.

An augmentation is a function of a message and a generator of random numbers, which is its only source of chance: the
same message and seed give the same result. It gives the message back as it is where it cannot be applied.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from parley.glossary.aligned_words import AlignedWords
from parley.glossary.glossary import Glossary
from parley.glossary.hints import Hint
from parley.pipeline.errors import InputError
from parley.registry import Registry


@dataclass(frozen=True, slots=True)
class Message:
    """A text and its translation.

    Attributes:
        source, target: texts; the target is empty where there is none yet.
        source_language, target_language: codes.
        other: the same in a further language, where there is one.
        neighbour: another message of the same direction, where there is one.
        glossary: the terms of the corpus, where it has some.
        aligned: the rows of its words, where they were counted.
        hints: on words of the source; places hold for the source as it is, so what changes it comes before.
    """

    source: str
    target: str
    source_language: str
    target_language: str
    other: str = ""
    neighbour: "Message | None" = None
    glossary: Glossary | None = None
    aligned: AlignedWords | None = None
    hints: tuple[Hint, ...] = ()


Augmentation = Callable[[Message, Random], Message]
AUGMENTATIONS: Final = Registry[Augmentation]("augmentation", "parley.corpus.augmentation")


def augmented(message: Message, names: Iterable[str], seed: int | str) -> Message:
    """The message after the named augmentations, one after the other."""
    draw = Random(seed)
    for name in names:
        message = AUGMENTATIONS[name](message, draw)
    return message


def augmented_by_chance(message: Message, probabilities: Mapping[str, float], seed: int | str) -> Message:
    """The message after each augmentation that falls to it, in their order."""
    draw = Random(f"{seed}")
    names = [name for name, probability in probabilities.items() if draw.random() < probability]
    return augmented(message, names, draw.getrandbits(64))


def check_probabilities(probabilities: Mapping[str, float], key: str) -> None:
    """Hold a setting against the registry.

    Raises:
        InputError: no such augmentation, or a probability outside 0 to 1.
    """
    for name, probability in probabilities.items():
        if name not in AUGMENTATIONS:
            raise InputError(f"{key}.{name}: no such augmentation; there are {' '.join(AUGMENTATIONS.names())}")
        if not 0 <= probability <= 1:
            raise InputError(f"{key}.{name}={probability}: must lie in 0 to 1")
