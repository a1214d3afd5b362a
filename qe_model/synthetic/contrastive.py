"""Pairs of translations of which only the conversation tells the right one: formality, gender, choice of term.

Both forms translate the source well, so without the messages before nobody can tell which is wrong, and each is right
as often as the other: accuracy without context is one half by construction.
"""

import hashlib
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any, Final

from parley.languages.casing import begun
from parley.languages.table import CODES
from parley.languages.words import words_of
from qe_model.annotations.annotation import (
    SYNTHETIC_KNOWN,
    AnnotatedTranslation,
    ContextMessage,
    ErrorSpan,
    Severity,
)
from qe_model.synthetic.resources import FOLDER, read_yaml

KINDS: Final = ("formality", "gender", "terms")
_ID: Final = "context:"  # how ids of their translations begin
_SEVERITY: Final[dict[str, Severity]] = {"formality": "minor", "gender": "major", "terms": "major"}
_DEV, _TEST = 0.1, 0.25  # shares of the combinations of message and conversation
_TERM_SHARE: Final = 4  # terms have many more utterances, so fewer conversations each


@dataclass(frozen=True)
class Utterance:
    """A source with two good translations; `group` holds those that can be said in one conversation."""

    kind: str
    group: str
    source_lang: str
    target_lang: str
    source: str
    forms: tuple[str, str]


@dataclass(frozen=True)
class ContrastivePair:
    """The form that fits the conversation, and the one that does not, marked where it differs."""

    right: AnnotatedTranslation
    wrong: AnnotatedTranslation

    @property
    def kind(self) -> str:
        """formality, gender or terms."""
        return self.right.domain.removeprefix("context/")


def contrastive_pairs(languages: Sequence[str] = CODES, conversations: int = 6, seed: int = 1) -> list[ContrastivePair]:
    """Every utterance in both forms, after conversations of one to three messages that hold one of the forms.

    Args:
        languages: of source and target.
        conversations: for each utterance and form; a quarter of that for terms.
        seed: of the conversations. The split goes by the combination of utterance and conversation.
    """
    pairs: list[ContrastivePair] = []
    for group in _groups():
        if not {group[0].source_lang, group[0].target_lang} <= set(languages):
            continue
        for utterance, form in itertools.product(group, (0, 1)):
            rest = [other for other in group if other is not utterance]
            rng = random.Random(f"{seed} {utterance.group} {utterance.source} {form}")
            wanted = max(1, conversations // _TERM_SHARE) if utterance.kind == "terms" else conversations
            seen = {tuple(rng.sample(rest, min(len(rest), rng.randint(1, 3)))) for _ in range(wanted)}
            pairs += [_pair(utterance, form, before) for before in sorted(seen, key=repr)]
    return pairs


def is_contrast(translation: AnnotatedTranslation) -> bool:
    """Whether a translation is of such a pair."""
    return translation.id.startswith(_ID)


@lru_cache
def _groups() -> list[list[Utterance]]:
    """Utterances that share a conversation: one kind, one direction, for terms also one concept."""
    content = read_yaml(FOLDER / "conversations.yaml")
    found: dict[str, list[Utterance]] = {}
    for kind in KINDS:
        for block in content[kind]:
            for utterance in _of_terms(block) if kind == "terms" else _of_lists(kind, block):
                found.setdefault(utterance.group, []).append(utterance)
    return list(found.values())


def _of_lists(kind: str, block: dict[str, Any]) -> Iterator[Utterance]:
    source_lang = block["source_lang"]
    for code, translations in block["targets"].items():
        for source, (first, second) in zip(block["sources"], translations, strict=True):
            yield Utterance(kind, f"{kind} {source_lang}-{code}", source_lang, code, source, (first, second))


def _of_terms(block: dict[str, Any]) -> Iterator[Utterance]:
    source_lang, frames = block["source_lang"], block["frames"]
    for concept, targets in block["concepts"].items():
        for code, terms in targets.items():
            for source_frame, frame in zip(frames[source_lang], frames[code], strict=True):
                first, second = (_begun(frame.format(term=term), code) for term in terms)
                source = _begun(source_frame.format(term=concept), source_lang)
                yield Utterance(
                    "terms", f"terms {source_lang}-{code} {concept}", source_lang, code, source, (first, second)
                )


def _begun(text: str, code: str) -> str:
    """With a capital first letter, behind ¿ or ¡ too."""
    place = next((i for i, character in enumerate(text) if character.isalpha()), 0)
    return text[:place] + begun(text[place:], code) if place <= 1 else text


def _pair(utterance: Utterance, form: int, before: Sequence[Utterance]) -> ContrastivePair:
    right, wrong = utterance.forms[form], utterance.forms[1 - form]
    spans = tuple(
        ErrorSpan(start, end, dimension="consistency", category=utterance.kind, severity=_SEVERITY[utterance.kind])
        for start, end in _differences(wrong, right)
    )
    name = f"{utterance.group} {utterance.source} {form} {' | '.join(other.source for other in before)}"
    digest = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    return ContrastivePair(
        _annotated(utterance, right, (), form, before, f"{_ID}{digest}:right"),
        _annotated(utterance, wrong, spans, form, before, f"{_ID}{digest}:wrong"),
    )


def _annotated(
    utterance: Utterance, target: str, spans: tuple[ErrorSpan, ...], form: int, before: Sequence[Utterance], row_id: str
) -> AnnotatedTranslation:
    document = row_id.split(":")[1]
    place = int(document, 16) / (1 << 64)
    return AnnotatedTranslation(
        id=row_id,
        document=document,
        system=row_id.split(":")[2],
        source_lang=utterance.source_lang,
        target_lang=utterance.target_lang,
        source=utterance.source,
        target=target,
        context=tuple(ContextMessage(other.source, other.forms[form]) for other in before),
        spans=spans,
        known=SYNTHETIC_KNOWN,
        origin="synthetic",
        split="test" if place < _TEST else "dev" if place < _TEST + _DEV else "train",
        domain=f"context/{utterance.kind}",
    )


def _differences(wrong: str, right: str) -> list[tuple[int, int]]:
    """Words of `wrong` that `right` does not have there; the points where words are missing if nothing else differs."""
    words = words_of(wrong)
    ours = [wrong[start:end] for start, end in words]
    theirs = [right[start:end] for start, end in words_of(right)]
    changes = [code for code in SequenceMatcher(None, ours, theirs, False).get_opcodes() if code[0] != "equal"]
    there = [(words[i1][0], words[i2 - 1][1]) for _, i1, i2, _, _ in changes if i2 > i1]
    ends = [*(start for start, _ in words), len(wrong)]
    return there or [(ends[i1], ends[i1]) for _, i1, _, _, _ in changes]
