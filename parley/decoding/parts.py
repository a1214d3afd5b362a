"""Messages as a model takes them: normalised, none blank, long ones in parts that are translated one by one."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from transformers import PreTrainedTokenizerBase

from parley.languages.normalisation import normalised_text
from parley.languages.table import LANGUAGES

MAX_SOURCE_TOKENS: Final = 128  # of a part: its translation then ends well before `MAX_NEW_TOKENS`
_LONGEST_PIECE: Final = 16  # characters: a longer text cannot fit, so it is not even counted
_ENDS: Final = (re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])"), re.compile(r"\s+|(?<=[,;:、，；：])"))  # best first

T = TypeVar("T")


@dataclass(frozen=True)
class Parts:
    """Messages in parts.

    Attributes:
        texts: [P] parts, in order; a message without a visible character has none.
        owners: [P] place of the message that each part is from.
    """

    texts: list[str]
    owners: list[int]

    @classmethod
    def of(cls, texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, most: int = MAX_SOURCE_TOKENS) -> "Parts":
        """Cut messages of over `most` tokens, best at the ends of sentences, there down to a quarter of it.

        Models that learnt from short messages leave out the end of many sentences at once.
        """
        fits, short = (partial(_fits, tokenizer=tokenizer, most=length) for length in (most, most // 4))
        pairs = [
            (part, owner)
            for owner, text in enumerate(texts)
            if (tidy := normalised_text(text))
            for part in ([tidy] if fits(tidy) else _cut(tidy, fits, short))
        ]
        return cls([part for part, _ in pairs], [owner for _, owner in pairs])

    def each(self, values: Sequence[T]) -> list[T]:
        """What belongs to a message, for each of its parts: [messages] -> [P]."""
        return [values[owner] for owner in self.owners]


def translate_in_parts(
    translate: Callable[[list[str], list[str], list[str]], Sequence[str]],
    messages: tuple[Sequence[str], Sequence[str], Sequence[str]],
    tokenizer: PreTrainedTokenizerBase,
    most: int = MAX_SOURCE_TOKENS,
) -> list[str]:
    """Translate messages whole, whatever their length; those without a visible character stay blank.

    Args:
        translate: takes texts that fit, none of them blank, their source and their target languages.
        messages: texts, source and target languages.
        most: tokens that fit.
    """
    texts, sources, targets = messages
    parts = Parts.of(texts, tokenizer, most)
    found = translate(parts.texts, parts.each(sources), parts.each(targets)) if parts.texts else []
    return joined_parts(found, parts.owners, targets)


def joined_parts(translations: Sequence[str], owners: Sequence[int], targets: Sequence[str]) -> list[str]:
    """Translations of parts put together as the message's target language does it.

    Args:
        translations: [P] in order.
        owners: [P] place of the message that each part is from.
        targets: [N] of the messages.

    Returns:
        [N] translations; messages without parts are blank.
    """
    found = [""] * len(targets)
    for owner, text in zip(owners, translations, strict=True):
        found[owner] += (_space_after(found[owner], targets[owner]) if text else "") + text
    return found


def _fits(text: str, tokenizer: PreTrainedTokenizerBase, most: int) -> bool:
    if len(text) > _LONGEST_PIECE * most:
        return False
    return len(text.encode()) < most or len(tokenizer(text, add_special_tokens=False)["input_ids"]) <= most


def _cut(text: str, fits: Callable[[str], bool], short: Callable[[str], bool]) -> Iterator[str]:
    """Halve a text until each part fits and is short, or is one sentence that fits."""
    middle = 0 if len(text) < 2 or short(text) else _middle(text, sentences=fits(text))
    if not middle:
        yield text
        return
    for half in (text[:middle], text[middle:]):
        yield from _cut(half.strip(), fits, short) if half.strip() else ()


def _middle(text: str, *, sentences: bool) -> int:
    """Where to cut, in the middle half of a text: the best place; with `sentences` the end of one, or 0 for nowhere."""
    half = len(text) // 2
    for end in _ENDS[:1] if sentences else _ENDS:
        found = [match.end() for match in end.finditer(text, half // 2, len(text) - half // 2)]
        if places := [place for place in found if place < len(text)]:
            return min(places, key=lambda place: abs(place - half))
    return 0 if sentences else half


def _space_after(text: str, target: str) -> str:
    wide = bool(text) and unicodedata.east_asian_width(text[-1]) in "WF"
    return " " if text and (LANGUAGES[target].spaced or not wide) else ""
