"""Spans of a message that mean the same in every language: URLs, placeholders, emoji, handles, hashtags, numbers, ####.

They are told by form alone, in any script and also where they are glued to words, as in 看@ana的12345. A span belongs
to one kind, the first of `KINDS` that fits: the digits of a URL are no number.
"""

import re
import unicodedata
from typing import Final, NamedTuple

_URL = (  # or a mail address; characters beyond ASCII end it
    r"https?://[!-;=?-~]+|www\.[A-Za-z0-9-]+\.[a-z]{2,}[!-;=?-~]*"
    r"|(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+\.[a-z]{2,}"
)
PLACEHOLDER: Final = (
    r"\{\{?[A-Za-z0-9_.]*\}?\}|%(?:\d+\$)?(?:[sdiu@]|\.?\d*f)(?![A-Za-z])|\$\{[A-Za-z0-9_.]+\}|</?[a-z][^<>]*>"
)
_DOMAIN = (
    r"(?<![A-Za-z0-9@.-])[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.(?:com|org|net|io|gg|tv)(?![A-Za-z0-9])(?:/[!-;=?-~]*)?"
)
_PICTURE = (
    "(?:[\U0001f000-\U0001faff\u2600-\u27bf\u231a\u231b\u23e9-\u23f3\u2b1b\u2b1c\u2b50\u2b55]"
    "|[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u25aa-\u25fe\u2934\u2935\u2b05-\u2b07\u3030\u303d\u3297\u3299]\ufe0f)"
    "[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*"
)
_EMOJI = rf"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_PICTURE}(?:\u200d{_PICTURE})*"
_FACE = r"[:;=][-'^]?[)(DPpOo/|3*\]\[]|<3|\^[_.]?\^|[TtQ]_[TtQ]|[xX]D|:[a-z][a-z0-9_]+:|\._\."
_EMOTICON = rf"(?<![A-Za-z0-9])(?:{_FACE})(?![A-Za-z0-9])"
_HANDLE = r"(?<![A-Za-z0-9_.@])@(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|[^\W\d_]\w*)"
_HASHTAG = r"(?<![A-Za-z0-9_#&])#(?:(?=[0-9_]*[A-Za-z])[A-Za-z0-9_]+|[^\W\d_]\w*)"
_NUMBER = (  # one digit beside a Latin letter is spelling: gr8, b4
    r"(?<!\d)\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)|\d+(?:[.,:]\d+)+|\d\d+|(?<![A-Za-z])\d(?![A-Za-z])"
)
_PATTERNS: Final = {
    "urls": rf"(?:{_URL}|{_DOMAIN})(?<![.,;:!?)'\"])",
    "placeholders": PLACEHOLDER,
    "emoji": _EMOJI,
    "emoticons": _EMOTICON,
    "filtered": r"#{2,}|\*{3,}",  # what a filter of the platform left of a word
    "handles": _HANDLE,
    "hashtags": _HASHTAG,
    "numbers": _NUMBER,
}
KINDS: Final = tuple(_PATTERNS)
_ANY = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _PATTERNS.items()))
_EMOJI_FORM = re.compile("[\ufe0e\ufe0f]")


class FixedSpan(NamedTuple):
    """A span [start, end) of a text, in characters."""

    kind: str
    start: int
    end: int
    text: str

    @property
    def key(self) -> str:
        """What must be equal for two spans to be the same.

        Numbers by their digits alone (1,000 and 1 000, １２ and 12), emoji without the mark of colour or text form, all
        else as it stands.
        """
        if self.kind == "numbers":
            return "".join(str(unicodedata.digit(letter)) for letter in self.text if letter.isdigit())
        return _EMOJI_FORM.sub("", self.text) if self.kind == "emoji" else self.text


def fixed_spans(text: str) -> list[FixedSpan]:
    """All such spans of a text, in order; none overlaps another."""
    return [FixedSpan(str(found.lastgroup), *found.span(), found.group()) for found in _ANY.finditer(text)]
