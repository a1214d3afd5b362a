"""The shipped words of synthetic errors: antonyms, negations, units; and how the YAML files beside are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from parley.languages.table import CODES
from parley.pipeline.errors import InputError

FOLDER: Final = Path(__file__).parent / "lists"
Swaps = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class WordLists:
    """What one language offers.

    Attributes:
        antonyms: both ways.
        negations: negated form and what takes its place; an empty one means it goes.
        units: groups of words that measure the same kind of thing.
    """

    antonyms: Swaps
    negations: Swaps
    units: tuple[tuple[str, ...], ...]


class _Loader(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
    """All scalars stay strings: "no" is Spanish, not false."""


@lru_cache
def word_lists(folder: Path = FOLDER) -> Mapping[str, WordLists]:
    """The lists of every language; empty where the file has none.

    Raises:
        InputError: an entry that is no pair.
    """
    content = read_yaml(folder / "words.yaml")
    return {code: _lists(code, content, folder) for code in CODES}


def read_yaml(file: Path) -> Any:
    """A YAML file with all values as strings. Raises InputError when it cannot be read."""
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{file}: {' '.join(str(error).split())}") from error


def _lists(code: str, content: Mapping[str, Any], folder: Path) -> WordLists:
    antonyms, negations, units = (content.get(kind, {}).get(code, ()) for kind in ("antonyms", "negations", "units"))
    for kind, entries in (("antonyms", antonyms), ("negations", negations)):
        wrong = [entry for entry in entries if len(entry) != 2 or not entry[0]]
        if wrong:
            raise InputError(f"{folder / 'words.yaml'}: {kind} of {code}: {wrong[0]} is no pair")
    return WordLists(
        tuple((a, b) for first, second in antonyms for a, b in ((first, second), (second, first))),
        tuple((first, second) for first, second in negations),
        tuple(tuple(group) for group in units),
    )
