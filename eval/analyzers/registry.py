"""All analyzers by name. One file of this package each; one from elsewhere registers itself in the same way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from eval.analyzers.finding import Finding
from eval.analyzers.question import Question, Topic
from parley.registry import Registry

Answers = Callable[[Question], list[Finding]]


@dataclass(frozen=True)
class Analyzer:
    """A function that answers questions of some topics."""

    topics: frozenset[Topic]
    analyze: Answers


ANALYZERS: Final = Registry[Analyzer]("analyzer", "eval.analyzers")


def analyzer(name: str, *topics: Topic) -> Callable[[Answers], Answers]:
    """Decorator: adds a function as the analyzer `name` for questions of these topics."""

    def add(function: Answers) -> Answers:
        ANALYZERS.register(name)(Analyzer(frozenset(topics), function))
        return function

    return add
