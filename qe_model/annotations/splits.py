"""Splits by document: documents that share a sentence stay together, and content decides where they go."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from parley.languages.words import spaced
from qe_model.annotations.annotation import AnnotatedTranslation

_LONG_ENOUGH: Final = 25  # characters of a text that two documents do not have by chance
_LONG_ENOUGH_UNSPACED: Final = 12
_DEV, _TEST = 0.1, 0.1  # shares of the documents that come without a split
_BUCKETS: Final = 1 << 32


def assign_splits(translations: Sequence[AnnotatedTranslation], seed: int = 1) -> list[AnnotatedTranslation]:
    """Give every translation a split; those that have one keep it, also where published splits cut through a document.

    Documents are joined when they have one name (in one language of the source) or share a long enough source
    sentence. What is joined with published splits takes the most held-out of these. Else the hash of the seed and the
    group's smallest name decides, so new documents do not move old ones.
    """
    groups = _groups(translations)
    published: dict[str, str] = {}
    for one, group in zip(translations, groups, strict=True):
        if one.split:
            published[group] = max(one.split, published.get(group, one.split), key=_held_out)
    return [
        one if one.split else replace(one, split=published.get(group) or _drawn(group, seed))
        for one, group in zip(translations, groups, strict=True)
    ]


def straddling(translations: Iterable[AnnotatedTranslation]) -> list[str]:
    """Documents found in more than one split; empty when the splits are clean."""
    splits: dict[str, set[str]] = {}
    for one in translations:
        splits.setdefault(f"{one.source_lang} {one.document}", set()).add(one.split)
    return sorted(document for document, found in splits.items() if len(found) > 1)


def _groups(translations: Sequence[AnnotatedTranslation]) -> list[str]:
    """Name of the smallest document joined with each translation's own."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def join(first: str, second: str) -> None:
        low, high = sorted((root(first), root(second)))
        parent[high] = low

    owner: dict[str, str] = {}
    for one in translations:
        name = f"{one.source_lang} {one.document}"
        folded = " ".join(one.source.casefold().split())
        if tells_a_document(folded, one.source_lang):
            join(name, owner.setdefault(folded, name))
        else:
            root(name)
    return [root(f"{one.source_lang} {one.document}") for one in translations]


def tells_a_document(text: str, code: str) -> bool:
    """Whether a text is long enough to be of one document; short formulas recur anywhere."""
    return len(text) >= (_LONG_ENOUGH if spaced(code) else _LONG_ENOUGH_UNSPACED)


def _held_out(split: str) -> int:
    return ("train", "dev", "test").index(split) if split in ("train", "dev", "test") else -1


def drawn_place(name: str, seed: int) -> float:
    """A number in 0 to 1 that the seed and the name of a document or group decide."""
    digest = hashlib.blake2b(f"{seed} {name}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") / _BUCKETS


def _drawn(group: str, seed: int) -> str:
    place = drawn_place(group, seed)
    return "test" if place < _TEST else "dev" if place < _TEST + _DEV else "train"
