"""What the runtime needs of an engine, and what an encoded message is."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from distillation.shortlists import Shortlists
from parley.glossary.hints import Hint
from parley.languages.table import AUTO

Array = np.ndarray[Any, np.dtype[Any]]
SHORTEST: Final = 0.75  # of the longest message of a group, in tokens
EFFICIENT: Final = 128  # tokens of a group from which on its products are efficient


@dataclass(frozen=True)
class EncodedMessage:
    """One message behind the encoder: may be kept and decoded into any language later.

    Attributes:
        tokens: source tag, pieces, end.
        states: (S, D) float32; None for an engine that cannot part encoder and decoder.
        rest: further parts of a long message.
        text, source: the whole message and its language, which the safeguards look at.
        hints: that are among the tokens.
    """

    tokens: tuple[int, ...]
    states: Array | None = None
    rest: tuple["EncodedMessage", ...] = ()
    text: str = ""
    source: str = AUTO
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True)
class Request:
    """One message that is wanted in one language.

    Attributes:
        target: code of the language.
        tag: its tag in the vocabulary.
        limit: most tokens of the translation.
    """

    message: EncodedMessage
    target: str
    tag: int
    limit: int


class Engine(Protocol):
    """Runs a student. A request's result does not depend on the other requests of a call."""

    def encode(self, sources: Sequence[Sequence[int]]) -> list[EncodedMessage]:
        """Run the encoder on tokenised messages (tag first, end last), once each."""
        ...

    def decode(self, requests: Sequence[Request], shortlists: Shortlists | None) -> list[list[int]]:
        """Decode greedily; tokens without tag and end. With `shortlists` only pieces of the target's are written."""
        ...


def length_groups(sizes: Sequence[int]) -> list[list[int]]:
    """Places of messages, longest first, in groups that waste little on padding: the shortest of a group has at least
    three quarters of the longest, unless the group would hold less than makes a product efficient."""
    groups: list[list[int]] = []
    for place in sorted(range(len(sizes)), key=lambda place: -sizes[place]):
        longest = sizes[groups[-1][0]] if groups else 0
        if groups and (sizes[place] >= SHORTEST * longest or len(groups[-1]) * longest < EFFICIENT):
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def padded_states(messages: Sequence[EncodedMessage]) -> tuple[Array, Array]:
    """States (B, S, D), zero beyond a message's end, and its mask (B, S)."""
    sizes = [len(message.tokens) for message in messages]
    first = messages[0].states
    assert first is not None
    states = np.zeros((len(messages), max(sizes), first.shape[1]), np.float32)
    for row, message in zip(states, messages, strict=True):
        assert message.states is not None
        row[: len(message.tokens)] = message.states
    return states, (np.arange(max(sizes)) < np.array(sizes)[:, None]).astype(np.float32)


def padded_tokens(sources: Sequence[Sequence[int]], pad: int) -> tuple[Array, Array]:
    """Ids (B, S) and mask (B, S)."""
    longest = max(map(len, sources))
    ids = np.array([[*source, *[pad] * (longest - len(source))] for source in sources], np.int64)
    return ids, (np.arange(longest) < np.array([len(source) for source in sources])[:, None]).astype(np.float32)


def cpu_flags() -> frozenset[str]:
    """Instruction sets of this processor as Linux names them; empty where they cannot be read."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    line = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(line.partition(":")[2].split()) if platform.machine() in ("x86_64", "AMD64") else frozenset()
