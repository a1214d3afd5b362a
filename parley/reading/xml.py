"""Elements of XML files as they come, in memory that does not grow with the file."""

import codecs
import re
from collections.abc import Iterator
from html.entities import html5
from pathlib import Path
from typing import Final, cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from parley.pipeline.errors import InputError
from parley.reading.stream import LONGEST_TEXT, opened

_BLOCK: Final = 1 << 16
_DEEPEST: Final = 100  # elements inside one another
_DECLARED: Final = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([\w.-]+)[\"']")
_MARKED: Final = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_STRANGE: Final = re.compile(
    r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|&(?!(?:amp|lt|gt|quot|apos);)(#?\w+);"
)


def read_elements(path: Path, name: str) -> Iterator[Element]:
    """The elements of that name, each forgotten once the next is asked for.

    What XML does not allow, a control character or an entity that is none, becomes U+FFFD.

    Raises:
        InputError: not well-formed, not in its encoding, or an element that is too long or too deep.
    """
    parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
    parents: list[Element] = []
    pending = 0
    try:
        for text in _texts(path):
            parser.feed(text)
            pending += len(text)
            for event, element in cast("Iterator[tuple[str, Element]]", parser.read_events()):
                if event == "start":
                    parents.append(element)
                    _bounded(len(parents) <= _DEEPEST, f"{path}: elements are nested deeper than {_DEEPEST}, the limit")
                    continue
                parents.pop()
                if tag(element) == name and parents:
                    pending = 0
                    yield element
                    parents[-1].remove(element)  # read ones must not pile up in memory
            _bounded(
                pending <= LONGEST_TEXT, f"{path}: a <{name}> is longer than {LONGEST_TEXT:,} characters, the limit"
            )
        parser.close()
    except ParseError as error:
        raise InputError(f"{path}: not well-formed XML: {error}") from error


def _bounded(kept: bool, otherwise: str) -> None:
    if not kept:
        raise InputError(otherwise)


def tag(element: Element) -> str:
    """An element's name without its name space."""
    return element.tag.rpartition("}")[2]


def _texts(path: Path) -> Iterator[str]:
    """The file in pieces that cut no reference apart, without what XML does not allow."""
    rest = ""
    with opened(path) as stream:
        block = stream.read(_BLOCK)
        encoding = _encoding(block)
        try:
            decoder = codecs.getincrementaldecoder(encoding)()
            while block:
                text = rest + decoder.decode(block)
                cut = text.rfind("<") if len(text) < LONGEST_TEXT else len(text)
                yield _STRANGE.sub(_allowed, text[: max(cut, 0)])
                rest = text[max(cut, 0) :]
                block = stream.read(_BLOCK)
            rest += decoder.decode(b"", final=True)
        except (LookupError, UnicodeError) as error:
            raise InputError(f"{path}: not valid {encoding}: {error}") from error
    yield _STRANGE.sub(_allowed, rest)


def _encoding(first: bytes) -> str:
    marked = next((name for mark, name in _MARKED.items() if first.startswith(mark)), "")
    declared = _DECLARED.match(first)
    return marked or (declared[1].decode() if declared else "utf-8")


def _allowed(found: re.Match[str]) -> str:
    """A reference as XML knows it, or what it stands for; U+FFFD for a character that may not be there."""
    name = found[1] or ""
    if not name.startswith("#"):
        return html5.get(f"{name};", "\ufffd")
    digits = name[1:].lower()
    try:
        point = int(digits[1:], 16) if digits.startswith("x") else int(digits)
        allowed = point in (9, 10, 13) or 32 <= point < 0xD800 or 0xE000 <= point <= 0xFFFD or point > 0xFFFF
        return found[0] if allowed and point <= 0x10FFFF else "\ufffd"
    except ValueError:
        return "\ufffd"
