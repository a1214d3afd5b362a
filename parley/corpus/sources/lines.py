"""Lines of text files, plain or compressed, with errors that name the line."""

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from parley.pipeline.errors import InputError

_OPENERS: Final[dict[str, Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_BLOCK: Final = 1 << 20


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading bytes, decompressed when its name ends in .gz, .bz2 or .xz.

    Raises:
        InputError: the file cannot be read, now or while the context lasts.
    """
    try:
        with _OPENERS.get(path.suffix, open)(path, "rb") as stream:
            yield stream
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{path}: cannot be read: {reason}") from error


def read_lines(path: Path, encoding: str) -> Iterator[str]:
    """The lines of a file without their ends; a byte order mark is no part of the first.

    Raises:
        InputError: unreadable file, or a line that is not in the encoding.
    """
    with opened(path) as stream:
        for number, raw in enumerate(stream, 1):
            try:
                text = raw.decode(encoding)
            except UnicodeDecodeError as error:
                raise InputError(f"{path}: line {number} is not valid {encoding}") from error
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
    except UnicodeDecodeError:
        return sum(1 for _ in read_lines(path, encoding))  # raises, naming the line
    return lines + (last != b"\n")
