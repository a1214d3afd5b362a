"""The bytes of a file, decompressed by what it begins with, within limits."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa

from parley.pipeline.errors import InputError

LONGEST_TEXT: Final = 1 << 20  # bytes of a line or a cell, characters of a TMX unit
FREELY: Final = 1 << 28  # bytes that any compressed file may give
LARGEST_RATIO: Final = 250  # text is packed 2 to 20 times; beyond `FREELY` a file may give this many times its size


class _Unpacked(io.RawIOBase):
    """A decompressed stream that refuses to give far more than text could."""

    def __init__(self, path: Path, inner: IO[bytes]) -> None:
        self._path, self._inner, self._given = path, inner, 0
        self._limit = max(FREELY, LARGEST_RATIO * path.stat().st_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._inner.read(len(buffer))
        self._given += len(block)
        if self._given > self._limit:
            raise InputError(
                f"{self._path}: unpacks to more than {self._limit:,} bytes, the limit for a file of its size"
            )
        buffer[: len(block)] = block
        return len(block)


def _zstandard(path: Path) -> Any:
    return pa.input_stream(str(path), compression="zstd")


_UNPACKERS: Final[dict[bytes, Callable[[Path], Any]]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"\x28\xb5\x2f\xfd": _zstandard,
}
_ARCHIVES: Final = {
    b"PK\x03\x04": "a zip archive, as .xlsx is",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive",
    b"\x04\x22\x4d\x18": "lz4-compressed",
}


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file for reading bytes; gzip, bzip2, xz and zstandard are told by their first bytes, whatever the name.

    Raises:
        InputError: the file cannot be read or unpacked, now or while the context lasts, or is an archive.
    """
    try:
        with path.open("rb") as plain:
            first = plain.read(8)
            if kind := next((kind for magic, kind in _ARCHIVES.items() if first.startswith(magic)), None):
                raise InputError(f"{path}: is {kind}: unpack it, or save it as .tsv or .csv in UTF-8")
            plain.seek(0)
            unpack = next((unpack for magic, unpack in _UNPACKERS.items() if first.startswith(magic)), None)
            if unpack is None:
                yield plain
                return
        with unpack(path) as inner:
            yield io.BufferedReader(_Unpacked(path, inner), 1 << 18)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{path}: cannot be read: {reason}") from error
