"""Registries: named things of one kind, one file an entry, found by looking into a package; others may add their own.

FILTERS = Registry[Filter]("filter", "parley.corpus.filters")      in the package's `registry.py`

@FILTERS.register("repetition")                                    in parley/corpus/filters/repetition.py
class Repetition: ...

FILTERS["repetition"]; FILTERS.names()                             wherever it is used
"""

from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from typing import Generic, TypeVar

from parley.pipeline.errors import InputError

EntryT = TypeVar("EntryT")
GivenT = TypeVar("GivenT")


class Registry(Generic[EntryT]):
    """Entries of one kind by name. The package's modules are imported when an entry is first asked for."""

    def __init__(self, kind: str, package: str) -> None:
        """Name the kind, for messages, and the package whose modules register entries; both cost nothing."""
        self.kind = kind
        self._package = package
        self._entries: dict[str, EntryT] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[GivenT], GivenT]:
        """A decorator that adds a class or function under `name`.

        Raises:
            ValueError: another entry has that name.
        """

        def add(entry: GivenT) -> GivenT:
            if self._entries.get(name, entry) is not entry:
                raise ValueError(f"two entries of {self.kind} are called '{name}'")
            self._entries[name] = entry  # type: ignore[assignment]  # a class is registered as what calling it gives
            return entry

        return add

    def names(self) -> list[str]:
        """All names, sorted."""
        self._load()
        return sorted(self._entries)

    def __contains__(self, name: object) -> bool:
        """Whether there is an entry of that name."""
        self._load()
        return name in self._entries

    def __getitem__(self, name: str) -> EntryT:
        """The entry of that name.

        Raises:
            InputError: there is none; the message names the nearest, or all.
        """
        self._load()
        if name not in self._entries:
            near = get_close_matches(name, self._entries, n=3)
            raise InputError(f"unknown {self.kind} '{name}'; choose {' or '.join(near or self.names())}")
        return self._entries[name]

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = import_module(self._package)
        for module in sorted(found.name for found in iter_modules(package.__path__)):
            import_module(f"{self._package}.{module}")
