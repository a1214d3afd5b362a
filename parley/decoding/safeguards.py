"""What an output must not be, and what goes out instead: systems are blamed for what they make of short messages.

A message without a letter goes out as it was typed, and so does a short one whose translation breaks a rule: a word
that becomes a sentence, a repetition, a number or a threat that nobody wrote. Longer ones lose their loops.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from typing import Final

from parley.decoding.repetition import loops, without_loops
from parley.languages.normalisation import normalised_text
from parley.languages.scripts import CharacterClass, class_counts, letter_count, script_classes
from parley.languages.table import AUTO
from parley.languages.threats import threatens
from parley.languages.words import words_of

SHORT: Final = 16  # columns of a terminal: a Chinese character takes two, a Thai tone none
LONGER: Final = 4  # times as wide as the source
SPARE: Final = 16  # columns beside it: "thx" may become "thank you very much"
WORD: Final = 4  # columns of a word where no spaces tell
MORE: Final = 2  # times that a word may come beyond those of the source's most frequent one
_NUMBER = re.compile(r"\d+")
_LAUGHTER: Final = {"th": re.compile("55+"), "zh-Hans": re.compile("66+|23+"), "zh-Hant": re.compile("66+")}

Rule = Callable[[str, str, str, str], bool]


def guarded(output: str, message: str, target: str, source: str = AUTO) -> str:
    """What goes out for a message: its translation, or the message where that breaks a rule.

    Args:
        target, source: codes of the languages; the source's may be `auto`.
    """
    if not message.strip():
        return output
    if not has_letters(message):
        return normalised_text(message)
    if width(message) > SHORT:
        return without_loops(output, message)
    return normalised_text(message) if broken_rules(message, output, target, source) else output


def broken_rules(message: str, output: str, target: str, source: str = AUTO) -> list[str]:
    """Names of the rules that the translation of a short message breaks."""
    return [name for name, breaks in RULES.items() if breaks(message, output, target, source)]


def has_letters(text: str) -> bool:
    """Whether there is anything to translate: emoji, digits and marks alone are not."""
    return any(map(str.isalpha, text))


def width(text: str) -> int:
    """Columns that a text takes, which compares lengths across scripts."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _empty(message: str, output: str, target: str, source: str) -> bool:
    return not output.strip()


def _long(message: str, output: str, target: str, source: str) -> bool:
    words = max(len(message.split()), width(message) // WORD)
    return width(output) > LONGER * width(message) + SPARE or len(output.split()) > 2 * words + 2


def _repeats(message: str, output: str, target: str, source: str) -> bool:
    return (loops(output) and not loops(message)) or _most_frequent(output) > _most_frequent(message) + MORE


def _invents_number(message: str, output: str, target: str, source: str) -> bool:
    laughter = _LAUGHTER.get(target)
    found = [number for number in _numbers(output) if not (laughter and laughter.fullmatch(number))]
    return bool(Counter(found) - Counter(_numbers(message)))


def _threatens(message: str, output: str, target: str, source: str) -> bool:
    return threatens(output, target) and not threatens(message, source)


def _other_script(message: str, output: str, target: str, source: str) -> bool:
    counts = class_counts("".join(character for character in output if character not in message))
    own = {*script_classes(target), CharacterClass.LATIN}
    return letter_count(counts) > sum(counts[kind] for kind in own)


def _numbers(text: str) -> list[str]:
    return _NUMBER.findall(unicodedata.normalize("NFKC", text))


def _most_frequent(text: str) -> int:
    words = Counter(text[start:end].casefold() for start, end in words_of(text))
    return max((count for word, count in words.items() if len(word) > 1 and word.isalpha()), default=1)


RULES: Final[dict[str, Rule]] = {
    "empty": _empty,
    "too long": _long,
    "repetition": _repeats,
    "invented number": _invents_number,
    "threat or insult": _threatens,
    "other script": _other_script,
}
