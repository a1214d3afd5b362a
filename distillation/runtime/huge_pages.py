"""Weights on huge pages: a decoding step reads all of them, and with pages of 4 KiB it waits for their addresses, too.

Linux gives huge pages to memory that asks for them. ONNX Runtime's does not ask, so what a session has added to the
process is told so afterwards. Where that is not possible nothing happens but slower steps.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MAPS: Final = Path("/proc/self/maps")
PAGE: Final = 2 << 20  # bytes
ADVISE, COLLAPSE = 14, 25  # of madvise: huge pages from now on, and at once (from Linux 6.1 on)


@contextmanager
def huge_pages() -> Iterator[None]:
    """Puts what is allocated within, as far as it fills them, on huge pages."""
    if not sys.platform.startswith("linux") or not MAPS.exists():
        yield
        return
    before = writable_ranges(MAPS.read_text(encoding="utf-8"))
    yield
    libc = ctypes.CDLL(None, use_errno=True)
    for start, end in added(before, writable_ranges(MAPS.read_text(encoding="utf-8"))):
        first, size = -(-start // PAGE) * PAGE, end // PAGE * PAGE - -(-start // PAGE) * PAGE
        for advice in (ADVISE, COLLAPSE) if size > 0 else ():
            libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(size), advice)


def writable_ranges(maps: str) -> list[tuple[int, int]]:
    """Addresses (start, end) of anonymous memory that may be written, in rising order."""
    fields = [line.split() for line in maps.splitlines()]
    places = [line[0].split("-") for line in fields if line[1].startswith("rw") and line[5:] in ([], ["[heap]"])]
    return [(int(start, 16), int(end, 16)) for start, end in places]


def added(before: list[tuple[int, int]], after: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Parts of the ranges `after` that no range of `before` covers."""
    found = []
    for start, end in after:
        for first, last in before:
            if last > start and first < end:
                if first > start:
                    found.append((start, first))
                start = max(start, last)
        if start < end:
            found.append((start, end))
    return found
