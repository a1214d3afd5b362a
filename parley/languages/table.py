"""The languages: every fact of a language is in its row here, and a language is added by adding a row.

What was made before a row was added keeps working: models and vocabularies name the languages that they know.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import permutations
from typing import Final, Literal
from unicodedata import normalize

from parley.pipeline.errors import InputError


@dataclass(frozen=True)
class Language:
    """One language of the model.

    Attributes:
        code: BCP-47 code, used in columns, pairs and file contents.
        flores: FLORES-200 code, as evaluation sets and NLLB name it: ISO 639-3 and script.
        family: genealogical group, by which expert specialisation is measured.
        length: characters for each English character, the median of the real corpora (docs/cleaning.md).
        spaced: whether words are separated by spaces.
        casing: how letters change their case: `turkic` tells i from ı.
        bleu: tokenizer of sacrebleu.
        unrelated_chrf: chrF that references of two different messages have with each other, at the median.
        shortest_stem: characters that two forms of one word share at least.
        glues_laughter: whether chat writes laughter onto the word before it.
        shares_text_with: earlier languages in which whole sentences are often the same, translated correctly.
        spellings: what else people call it, beside the code, the FLORES code and the name: older codes and those of
            countries, names of their own, words of game shops.
    """

    code: str
    name: str
    flores: str
    family: str
    length: float
    spaced: bool = True
    casing: Literal["default", "turkic"] = "default"
    bleu: str = "13a"
    unrelated_chrf: float = 12.0
    shortest_stem: int = 4
    glues_laughter: bool = False
    shares_text_with: tuple[str, ...] = ()
    spellings: tuple[str, ...] = ()

    @property
    def script(self) -> str:
        """ISO 15924 script code."""
        return self.flores.partition("_")[2]

    @property
    def primary(self) -> str:
        """The code without script: what M2M100, mBART, Marian and py3langid call the language."""
        return self.code.partition("-")[0]

    @property
    def token(self) -> str:
        """The language's special token in the shared vocabulary."""
        return f"__{self.code}__"


# fmt: off
_ROWS: Final = (
    Language("en", "English", "eng_Latn", "Germanic", 1.0),
    Language("es", "Spanish", "spa_Latn", "Romance", 1.08, spellings=("Español", "latam")),
    Language("fr", "French", "fra_Latn", "Romance", 1.17, spellings=("fre", "Français")),
    Language("de", "German", "deu_Latn", "Germanic", 1.16, spellings=("ger", "Deutsch")),
    Language("it", "Italian", "ita_Latn", "Romance", 1.17, shares_text_with=("es",), spellings=("Italiano",)),
    Language(
        "pt", "Portuguese", "por_Latn", "Romance", 1.12,
        shares_text_with=("es", "it"), spellings=("Português", "Brazilian", "Brazilian Portuguese"),
    ),
    Language("pl", "Polish", "pol_Latn", "Slavic", 1.10, spellings=("Polski",)),
    Language("ru", "Russian", "rus_Cyrl", "Slavic", 1.09, spellings=("Русский",)),
    Language("tr", "Turkish", "tur_Latn", "Turkic", 1.04, casing="turkic", spellings=("Türkçe",)),
    Language("id", "Indonesian", "ind_Latn", "Austronesian", 1.10, spellings=("in", "Bahasa Indonesia")),
    Language("vi", "Vietnamese", "vie_Latn", "Austroasiatic", 1.06, spellings=("vn", "Tiếng Việt")),
    Language(
        "th", "Thai", "tha_Thai", "Kra-Dai", 0.92,
        spaced=False, bleu="char", unrelated_chrf=9.0, spellings=("ไทย",),
    ),
    Language(
        "ja", "Japanese", "jpn_Jpan", "Japonic", 0.47,
        spaced=False, bleu="ja-mecab", unrelated_chrf=4.0, spellings=("jp", "日本語"),
    ),
    Language(
        "ko", "Korean", "kor_Hang", "Koreanic", 0.51,
        bleu="ko-mecab", unrelated_chrf=3.0, shortest_stem=2, glues_laughter=True,
        spellings=("kr", "한국어", "koreana"),
    ),
    Language(
        "zh-Hans", "Simplified Chinese", "zho_Hans", "Sinitic", 0.32,
        spaced=False, bleu="zh", unrelated_chrf=3.0,
        spellings=(
            *("zh", "zh-CN", "zh-SG", "zh-CHS", "zhs", "chs", "chi", "cn", "cmn", "cmn-Hans"),
            *("Chinese", "Chinese Simplified", "schinese", "中文", "简体中文"),
        ),
    ),
    Language(
        "zh-Hant", "Traditional Chinese", "zho_Hant", "Sinitic", 0.31,
        spaced=False, bleu="zh", unrelated_chrf=3.0, shares_text_with=("zh-Hans",),
        spellings=(
            *("zh-TW", "zh-HK", "zh-MO", "zh-CHT", "zht", "cht", "tw", "hk"),
            *("cmn-Hant", "cmn-TW", "cmn-HK", "Chinese Traditional", "tchinese", "繁體中文"),
        ),
    ),
)
# fmt: on
LANGUAGES: Final[dict[str, Language]] = {row.code: row for row in _ROWS}
CODES: Final[tuple[str, ...]] = tuple(LANGUAGES)
_LONGEST_CODE: Final = 3
AUTO: Final = "auto"  # source language unknown: the model detects it


def _written(name: str) -> str:
    return re.sub(r"[\W_]+", "-", normalize("NFC", name).lower()).strip("-")


_BY_SPELLING: Final = {
    _written(spelling): row.code
    for row in reversed(_ROWS)  # of two languages with one ISO 639-3 code the earlier is meant
    for spelling in (row.flores.partition("_")[0], row.name, row.flores, row.code, *row.spellings)
}


def code_of(spelling: str) -> str | None:
    """The code of a language as others write it (EN-US, pt_BR, zh-TW, fra_Latn, deu, jp); None: not one of ours."""
    written = _written(spelling)
    while written not in _BY_SPELLING and "-" in written:
        written = written.rpartition("-")[0]
    return _BY_SPELLING.get(written)


def meant_by(name: str) -> str | None:
    """The code of the language that somebody may have meant: as others write it, or a name with a slip in it.

    Languages that are not ours are near to some of ours: `ar` to `fra`, `Dutch` to `Deutsch`.
    """
    written = _written(name)
    names = [each for each in _BY_SPELLING if len(each) > _LONGEST_CODE and each[:2] == written[:2]]
    near = get_close_matches(written, names, n=1, cutoff=0.8)
    return code_of(name) or (_BY_SPELLING[near[0]] if near else None)


def language(code: str) -> Language:
    """Look a language up by its code.

    Raises:
        InputError: unknown code; the message names the one that is meant.
    """
    if code not in LANGUAGES:
        hint = f"did you mean '{meant}'? " if (meant := meant_by(code)) else ""
        raise InputError(f"unknown language code '{code}': {hint}Valid codes: {' '.join(CODES)}")
    return LANGUAGES[code]


def pair(direction: str) -> tuple[str, str]:
    """Split a direction such as `en-zh-Hans` into source and target codes.

    Raises:
        InputError: not two known codes joined by a hyphen.
    """
    for source in CODES:
        target = direction.removeprefix(f"{source}-")
        if target != direction and target in LANGUAGES:
            return source, target
    meant = _direction_meant(direction)
    hint = f": did you mean '{meant}'?" if meant else ":"
    raise InputError(f"'{direction}' is not a direction{hint} Write SOURCE-TARGET with codes from {' '.join(CODES)}")


def _direction_meant(direction: str) -> str | None:
    parts = direction.split("-")
    for cut in reversed(range(1, len(parts))):
        both = [code_of("-".join(side)) for side in (parts[:cut], parts[cut:])]
        if all(both):
            return "-".join(filter(None, both))
    return None


def directions(codes: Iterable[str] = CODES) -> list[str]:
    """Every ordered pair of different languages, as `source-target`, in a fixed order."""
    return [f"{source}-{target}" for source, target in permutations([language(code).code for code in codes], 2)]


def share_text(first: str, second: str) -> bool:
    """Whether equal text is often right in both languages."""
    return first in LANGUAGES[second].shares_text_with or second in LANGUAGES[first].shares_text_with
