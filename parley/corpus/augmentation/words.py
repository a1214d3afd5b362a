"""The words of a message changed; what must be copied (URLs, handles, placeholders ...) is left alone."""

import re
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

from parley.corpus.augmentation.registry import Message
from parley.languages.fixed_spans import fixed_spans

CASED: Final = re.compile(r"[^\W\d_\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff가-힣]{3,}")
TYPED: Final = re.compile(rf"{CASED.pattern}|[\u0e01-\u0e4e]{{3,}}|[가-힣]{{2,}}")  # letter by letter: no Han, no kana


def in_a_word(message: Message, draw: Random, change: Callable[[str, Random], str], words: re.Pattern[str]) -> Message:
    """Change one of the words of the source that the pattern finds."""
    text, fixed = message.source, fixed_spans(message.source)
    found = [
        word
        for word in words.finditer(text)
        if not any(word.start() < span.end and span.start < word.end() for span in fixed)
    ]
    if not found:
        return message
    word = draw.choice(found)
    return replace(message, source=text[: word.start()] + change(word.group(), draw) + text[word.end() :])


def in_all_words(text: str, change: Callable[[str], str]) -> str:
    """Change all of a text but its fixed spans."""
    parts, end = [], 0
    for span in fixed_spans(text):
        parts += [change(text[end : span.start]), span.text]
        end = span.end
    return "".join([*parts, change(text[end:])])
