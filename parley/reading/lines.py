"""Lines of text files, plain or compressed, with errors that name the line."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from parley.pipeline.errors import InputError
from parley.reading.stream import LONGEST_TEXT, opened

_BLOCK: Final = 1 << 20
_WIDE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_lines(path: Path, encoding: str = "utf-8") -> Iterator[str]:
    """The lines of a file without their ends, which are line feeds; a byte order mark is no part of the first.

    Raises:
        InputError: unreadable file, a line that is not in the encoding or has more than `LONGEST_TEXT` bytes, or a
            carriage return within the only line.
    """
    with opened(path) as stream:
        number = 0
        while raw := stream.readline(LONGEST_TEXT + 1):
            number += 1
            if len(raw) > LONGEST_TEXT:
                raise InputError(f"{path}: line {number} is longer than {LONGEST_TEXT:,} bytes, the limit of a line")
            if number == 1 and b"\r" in raw.rstrip(b"\r\n") and not stream.peek(1):
                raise InputError(f"{path}: its lines end in carriage returns alone: save it with line feeds")
            text = _decoded(raw, encoding, path, number)
            yield (text.removeprefix("\ufeff") if number == 1 else text).rstrip("\r\n")


def count_lines(path: Path, encoding: str) -> int:
    """Count the lines of a file, and see that all of it is in its encoding.

    Raises:
        InputError: unreadable file, or a line that is not in the encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    lines, last = 0, b"\n"
    try:
        with opened(path) as stream:
            while block := stream.read(_BLOCK):
                decoder.decode(block)
                lines += block.count(b"\n")
                last = block[-1:]
        decoder.decode(b"", final=True)
    except UnicodeError:
        return sum(1 for _ in read_lines(path, encoding))  # raises, naming the line
    return lines + (last != b"\n")


def _decoded(raw: bytes, encoding: str, path: Path, number: int) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeError as error:
        hint = "; it is UTF-16: save it as UTF-8" if number == 1 and raw.startswith(_WIDE) else ""
        raise InputError(f"{path}: line {number} is not valid {encoding}{hint}") from error
