"""The one normalisation of text: Unicode NFC, single spaces, nothing that cannot be seen."""

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

# Soft hyphens, zero-width spaces, direction marks and byte order marks say nothing; a zero-width joiner builds emoji.
_INVISIBLE: Final = r"\x{ad}\x{200b}\x{200c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2060}\x{2066}-\x{2069}\x{feff}"
_SPACE: Final = r"[\s\v\x{85}\p{Z}]"
_CONTROL: Final = r"\x00-\x08\x0e-\x1f\x7f-\x{84}\x{86}-\x{9f}"
_UNTIDY: Final = rf"^ | $|  |[^\P{{Z}} ]|[\t-\r]|[{_CONTROL}\x{{85}}{_INVISIBLE}]"
# Thai typed in two halves that look like one letter: ํา for ำ, เเ for แ.
_THAI_HALVES: Final = {"\u0e4d\u0e32": "\u0e33", "\u0e40\u0e40": "\u0e41"}


def normalise(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Texts in NFC, on one line, with single spaces and none at the ends, without control and invisible characters.

    A text may become empty; null stays null.
    """
    if isinstance(texts, pa.ChunkedArray):
        return pa.chunked_array([normalise(chunk) for chunk in texts.chunks], pa.string())
    array = pc.utf8_normalize(texts.cast(pa.string()), "NFC")
    untidy = pc.match_substring_regex(array, _UNTIDY)
    if pc.any(untidy).as_py():
        tidy = pc.replace_substring_regex(array.filter(untidy), rf"[{_CONTROL}{_INVISIBLE}]+", "")
        tidy = pc.utf8_trim_whitespace(pc.replace_substring_regex(tidy, rf"{_SPACE}+", " "))
        # Taking a joiner out can bring letter and mark together, so the composed form is made again.
        array = pc.replace_with_mask(array, pc.fill_null(untidy, False), pc.utf8_normalize(tidy, "NFC"))
    for halves, letter in _THAI_HALVES.items():
        array = pc.replace_substring(array, halves, letter)
    return array
