"""Whether a system says terms as a glossary has them, without hints and with them, and what wrong hints do.

Groups: terms that training made hints on (`seen`), terms that it left out (`unseen`), other words that stand in source
and reference (`random`), all terms in a sentence that training did not have them in (`carried`). Modes:

    noterm      without hints
    proper      the hints of the glossary, or of the reference
    wrong       a hint that wants another word: does the translation have that
    new         the same on a word that nobody has seen

`irrelevant` are messages whose reference has none of the terms: what a glossary of other things changes in them.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol, runtime_checkable

from eval.scoring.term_tiers import TIERS, Wanted, tiers_of
from eval.testsets.testset import TestSet
from parley.corpus.augmentation.hints import Correspondence, correspondences, invented, steering, terms
from parley.corpus.augmentation.registry import Message
from parley.corpus.carriers import HELD_OUT, carried
from parley.decoding.protocols import TranslatesMany
from parley.glossary.aligned_words import AlignedWords
from parley.glossary.glossary import Glossary
from parley.glossary.hints import Hint, Hinter
from parley.glossary.rows import never_hinted
from parley.languages.table import pair
from parley.pipeline.atomic import write_json

FILE: Final = "terms.json"
IRRELEVANT, CHANGED = "irrelevant", "changed"
Pairs = Sequence[Correspondence]


@runtime_checkable
class TakesHints(TranslatesMany, Protocol):
    """A system that is given hints."""

    hints: Hinter | None


def measure_terms(
    system: TakesHints,
    testset: TestSet,
    rows: Mapping[str, Sequence[int]],
    glossary: Glossary,
    words: AlignedWords,
    limit: int,
    seed: int,
    out: Path,
) -> None:
    """Count over the messages of some directions; the counts go into a file of `out`.

    Args:
        rows: messages by direction.
        limit: messages of a direction that are tried in each group, at most.
    """
    found: dict[str, Counter[str]] = {}
    for name, chosen, aligned in (
        ("seen", [term for term in glossary.terms if not never_hinted(term)], None),
        ("unseen", list(filter(never_hinted, glossary.terms)), None),
        ("random", [], words),
    ):
        every = _messages(testset, rows, f"{seed} {name}", Glossary(chosen), aligned)
        pairs_of = correspondences if aligned else terms
        tried = _first(((message, pairs) for message in every if (pairs := list(pairs_of(message)))), limit)
        for mode, cases in _modes(tried, Random(f"{seed} {name}")).items():
            found[f"{name}.{mode}"] = _reached(cases, _translated(system, [message for message, _ in cases]))
    for mode, cases in _modes(_carried(rows, glossary, limit, seed), Random(f"{seed} carried")).items():
        found[f"carried.{mode}"] = _reached(cases, _translated(system, [message for message, _ in cases]))
    every = _messages(testset, rows, f"{seed} {IRRELEVANT}", glossary)
    without = _first(((message, []) for message in every if not list(terms(message))), limit)
    found[IRRELEVANT] = _changed(system, [message for message, _ in without], glossary)
    write_json(out / FILE, found)


def term_shares(folders: Iterable[Path]) -> dict[str, Any]:
    """What all folders counted: by group and mode the share that reaches each tier or one above it, and `n`."""
    total: dict[str, Counter[str]] = {}
    for path in (folder / FILE for folder in folders):
        for name, counts in json.loads(path.read_text(encoding="utf-8")).items() if path.exists() else ():
            total.setdefault(name, Counter()).update(counts)
    shares: dict[str, Any] = {}
    for name, counted in total.items():
        group, _, mode = name.partition(".")
        if n := counted.pop("n"):
            own = {key: count / n for key, count in counted.items()} | {"n": n}
            (shares.setdefault(group, {}) if mode else shares)[mode or group] = own
    return shares


def _messages(
    testset: TestSet,
    rows: Mapping[str, Sequence[int]],
    seed: str,
    glossary: Glossary,
    aligned: AlignedWords | None = None,
) -> Iterator[Message]:
    """The messages of each direction in an order of its own."""
    for direction, given in rows.items():
        source, target = pair(direction)
        order = Random(f"{seed} {direction}").sample(given, len(given))
        texts = [(testset.texts[source][row] or "", testset.texts[target][row] or "") for row in order]
        plain = [Message(*both, source, target, glossary=glossary, aligned=aligned) for both in texts]
        yield from (replace(one, neighbour=plain[place - 1]) for place, one in enumerate(plain))


def _carried(
    directions: Iterable[str], glossary: Glossary, limit: int, seed: int
) -> Iterator[tuple[Message, list[Correspondence]]]:
    """Some terms for each direction, each in a sentence that training did not have it in."""
    for direction in directions:
        source, target = pair(direction)
        both = [term for term in glossary.terms if {source, target} <= term.forms.keys()]
        for term in Random(f"{seed} {direction}").sample(both, min(limit, len(both))):
            texts = carried(term, HELD_OUT)
            if texts.keys() >= {source, target}:
                message = Message(texts[source], texts[target], source, target, glossary=Glossary([term]))
                yield message, list(terms(message))


def _first(messages: Iterable[tuple[Message, Pairs]], limit: int) -> list[tuple[Message, Pairs]]:
    """Up to `limit` of each direction."""
    given: Counter[tuple[str, str]] = Counter()
    chosen = []
    for message, pairs in messages:
        given[direction := (message.source_language, message.target_language)] += 1
        if given[direction] <= limit:
            chosen.append((message, pairs))
    return chosen


def _modes(messages: Iterable[tuple[Message, Pairs]], draw: Random) -> dict[str, list[tuple[Message, list[Wanted]]]]:
    """Messages with their hints, and what their translations should hold, by mode."""
    found: dict[str, list[tuple[Message, list[Wanted]]]] = {"noterm": [], "proper": [], "wrong": [], "new": []}
    changes: dict[str, Callable[[Message, Pairs, Random], Message]] = {"wrong": steering, "new": invented}
    for message, pairs in messages:
        said = [Wanted(message.target[slice(*one.target)], one.forms) for one in pairs]
        hints = (Hint(one.source[1], message.source[slice(*one.source)], one.forms[0]) for one in pairs)
        found["noterm"].append((message, said))
        found["proper"].append((replace(message, hints=tuple(hints)), said))
        for mode, change in changes.items():
            changed = change(message, pairs, draw)
            found[mode].append((changed, [Wanted(hint.wanted) for hint in changed.hints]))
    return found


def _translated(system: TakesHints, messages: Sequence[Message]) -> list[str]:
    """The translations of messages with their hints."""
    columns = [(one.source, one.source_language, one.target_language) for one in messages]
    known = dict(zip(columns, (one.hints for one in messages), strict=True))
    system.hints = lambda *told: known.get(told, ())
    try:
        return system.translate_many(*map(list, zip(*columns, strict=True))) if columns else []
    finally:
        system.hints = None


def _reached(cases: Sequence[tuple[Message, Sequence[Wanted]]], translations: Sequence[str]) -> Counter[str]:
    counts: Counter[str] = Counter(dict.fromkeys(("n", *TIERS), 0))
    for (message, wanted), translation in zip(cases, translations, strict=True):
        counts["n"] += len(wanted)
        for tier in filter(None, tiers_of(translation, wanted, message.target_language)):
            counts.update(TIERS[TIERS.index(tier) :])
    return counts


def _changed(system: TakesHints, messages: Sequence[Message], glossary: Glossary) -> Counter[str]:
    told = [(one.source, one.source_language, one.target_language) for one in messages]
    hinted = [
        replace(one, hints=hints) for one, each in zip(messages, told, strict=True) if (hints := glossary.hints(*each))
    ]
    both = _translated(system, hinted), _translated(system, [replace(one, hints=()) for one in hinted])
    return Counter({"n": len(messages), CHANGED: sum(one != other for one, other in zip(*both, strict=True))})
