"""The one normalisation of text: Unicode NFC, single spaces, nothing that cannot be seen, one order of Thai marks.

It is a normaliser of `tokenizers`, so every vocabulary carries it (`training.tokenizer`): who opens a model folder with
plain `transformers` or CTranslate2 feeds the model what it was trained on. Corpora are normalised by the same steps.
"""

from functools import cache
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from tokenizers import normalizers

# What has no look of its own (soft hyphens, zero-width spaces, direction and byte order marks, fillers), and controls.
_EMOJI_PARTS: Final = r"\x{200d}\x{fe0e}\x{fe0f}\x{e0020}-\x{e007f}"
_CONTROL: Final = r"\x00-\x08\x0e-\x1f\x7f-\x{84}\x{86}-\x{9f}"
_UNSEEN: Final = rf"[{_CONTROL}]|[\p{{Default_Ignorable_Code_Point}}&&[^{_EMOJI_PARTS}]]"
# Joiners, variation selectors and tags stay within emoji.
_STRAY: Final = (
    r"(?<!\p{Extended_Pictographic})(?<!\p{Emoji_Modifier})(?<!\p{Extended_Pictographic}\x{fe0f})\x{200d}"
    r"|\x{200d}(?!\p{Extended_Pictographic})|(?<!\p{Emoji})[\x{fe0e}\x{fe0f}]"
    r"|(?<![\x{1f3f4}\x{e0020}-\x{e007f}])[\x{e0020}-\x{e007f}]+"
)
_SPACES: Final = r"[\s\p{Z}\x{85}\x{2800}]+"
# Thai as keyboards let it be typed: a vowel in two halves (ํา for ำ, เเ for แ), a tone before its vowel (น้ี for นี้).
_TONES: Final = "\u0e48\u0e49\u0e4a\u0e4b"
_CONSONANT: Final = r"[\x{0e01}-\x{0e2e}]"
_VOWEL: Final = r"[\x{0e31}\x{0e34}-\x{0e37}]"
_MARK: Final = r"[\x{0e31}\x{0e33}-\x{0e3a}\x{0e47}-\x{0e4e}]"
_THAI: Final = (
    ("\u0e4d\u0e32", "\u0e33"),
    ("\u0e40\u0e40", "\u0e41"),
    *((rf"(?<={_CONSONANT}{tone}{_VOWEL})(?!{_MARK})", tone) for tone in _TONES),
    (rf"(?<={_CONSONANT})([{_TONES}])(?={_VOWEL}\1(?!{_MARK}))", ""),
    (rf"(?<={_CONSONANT}\x{{0e4d}}[{_TONES}])\x{{0e32}}", "\u0e33"),
    (rf"(?<={_CONSONANT}\x{{0e33}}[{_TONES}])(?!{_MARK})", "\u0e33"),
    (rf"(?<={_CONSONANT})[\x{{0e4d}}\x{{0e33}}](?=[{_TONES}]\x{{0e33}})", ""),
)
# Whatever a step may change: most texts have none of it, and Arrow tells so five times as quickly as the steps.
_DOUBTFUL: Final = (
    r"^ | $|  |[^\P{Z} ]|\p{C}|[\x{2800}\x{034f}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{180b}-\x{180f}\x{3164}\x{ffa0}]"
    r"|[\x{fe00}-\x{fe0f}\x{e0000}-\x{e0fff}]|\x{0e4d}|\x{0e40}\x{0e40}"
    rf"|[{_TONES}]{_VOWEL}|\x{{0e33}}[{_TONES}]"
)


@cache
def normaliser() -> "normalizers.Sequence":
    """The steps, as a vocabulary carries them."""
    from tokenizers import Regex, normalizers

    rules = ((f"{_UNSEEN}|{_STRAY}", ""), (_SPACES, " "), *_THAI)
    steps = [normalizers.Replace(Regex(pattern), content) for pattern, content in rules]
    return normalizers.Sequence([*steps, normalizers.NFC(), normalizers.Strip()])


def normalised_text(text: str) -> str:
    """One text; empty where nothing of it can be seen."""
    return normaliser().normalize_str(text)


def normalise(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Texts in NFC, on one line, with single spaces and none at the ends, without control and invisible characters.

    A text may become empty; null stays null.
    """
    if isinstance(texts, pa.ChunkedArray):
        return pa.chunked_array([normalise(chunk) for chunk in texts.chunks], pa.string())
    array = pc.utf8_trim_whitespace(texts.cast(pa.string()))
    array = pc.replace_substring_regex(array, r"[ \t-\r]{2,}|[\t-\r]", " ")
    untidy = pc.or_(pc.match_substring_regex(array, _DOUBTFUL), pc.not_equal(array, pc.utf8_normalize(array, "NFC")))
    if not pc.any(untidy).as_py():
        return array
    tidy = [normalised_text(text) for text in array.filter(untidy).to_pylist()]
    return pc.replace_with_mask(array, pc.fill_null(untidy, False), pa.array(tidy, pa.string()))
