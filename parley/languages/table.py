"""The 16 languages: code, FLORES code, script, family; every ordered pair."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import permutations
from typing import Final

from parley.pipeline.errors import InputError


@dataclass(frozen=True)
class Language:
    """One language of the model.

    Attributes:
        code: BCP-47 code, used in columns, pairs and file contents.
        flores: FLORES-200 code, as evaluation sets and NLLB name it.
        script: ISO 15924 script code.
        family: genealogical group, by which expert specialisation is measured.
        spaced: whether words are separated by spaces.
    """

    code: str
    name: str
    flores: str
    script: str
    family: str
    spaced: bool = True

    @property
    def token(self) -> str:
        """The language's special token in the shared vocabulary."""
        return f"__{self.code}__"


LANGUAGES: Final[dict[str, Language]] = {
    language.code: language
    for language in (
        Language("en", "English", "eng_Latn", "Latn", "Germanic"),
        Language("es", "Spanish", "spa_Latn", "Latn", "Romance"),
        Language("fr", "French", "fra_Latn", "Latn", "Romance"),
        Language("de", "German", "deu_Latn", "Latn", "Germanic"),
        Language("it", "Italian", "ita_Latn", "Latn", "Romance"),
        Language("pt", "Portuguese", "por_Latn", "Latn", "Romance"),
        Language("pl", "Polish", "pol_Latn", "Latn", "Slavic"),
        Language("ru", "Russian", "rus_Cyrl", "Cyrl", "Slavic"),
        Language("tr", "Turkish", "tur_Latn", "Latn", "Turkic"),
        Language("id", "Indonesian", "ind_Latn", "Latn", "Austronesian"),
        Language("vi", "Vietnamese", "vie_Latn", "Latn", "Austroasiatic"),
        Language("th", "Thai", "tha_Thai", "Thai", "Kra-Dai", spaced=False),
        Language("ja", "Japanese", "jpn_Jpan", "Jpan", "Japonic", spaced=False),
        Language("ko", "Korean", "kor_Hang", "Hang", "Koreanic"),
        Language("zh-Hans", "Simplified Chinese", "zho_Hans", "Hans", "Sinitic", spaced=False),
        Language("zh-Hant", "Traditional Chinese", "zho_Hant", "Hant", "Sinitic", spaced=False),
    )
}
CODES: Final[tuple[str, ...]] = tuple(LANGUAGES)
AUTO: Final = "auto"  # source language unknown: the model detects it


def language(code: str) -> Language:
    """Look a language up by its code.

    Raises:
        InputError: unknown code; the message names the nearest valid one.
    """
    if code not in LANGUAGES:
        near = get_close_matches(code, CODES, n=1, cutoff=0.0)[0]
        raise InputError(f"unknown language code '{code}': did you mean '{near}'? Valid codes: {' '.join(CODES)}")
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
    raise InputError(f"'{direction}' is not a direction: write SOURCE-TARGET with codes from {' '.join(CODES)}")


def directions(codes: Iterable[str] = CODES) -> list[str]:
    """Every ordered pair of different languages, as `source-target`, in a fixed order."""
    return [f"{source}-{target}" for source, target in permutations([language(code).code for code in codes], 2)]
