"""Which language a text is in: by script where that decides it, by py3langid among languages of one script.

Thai, Hangul, Cyrillic and kana name their language; Simplified and Traditional Chinese are told apart by OpenCC's
one-sided characters (`scripts`). Only the Latin-script languages need a classifier, of the first sixteen.
`docs/cleaning.md` has the measured accuracy and how often correct text is wrongly called off-target.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from parley.languages.scripts import (
    CHINESE,
    CharacterClass,
    class_counts,
    letter_count,
    own_letter_count,
    script_classes,
)
from parley.languages.table import CODES, LANGUAGES, language

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier as Classifier

UNDETERMINED: Final = "und"  # BCP-47: no letters, or no candidate is written in this script
_CHINESE_WORDS: Final = frozenset("你妳您她们們这這哪吗嗎吧呢啊么麼说說没個个谁誰让讓给給跟")  # not used in Japanese
_MIN_OWN_SHARE: Final = 0.1  # names and game terms stay Latin inside other scripts, and are longer than Han words
_MIN_WRONG_SHARE: Final = 0.5
_MIN_KANA_SHARE: Final = 0.1
_LONG_WITHOUT_KANA: Final = 12  # Han letters; Japanese of that length without kana hardly exists


@lru_cache(maxsize=4)
def classifier(codes: tuple[str, ...]) -> "Classifier":
    """py3langid for those of some languages that it knows, made once."""
    from py3langid.langid import MODEL_FILE
    from py3langid.langid import LanguageIdentifier as Classifier

    model = Classifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages({language(code).primary for code in codes} & {*model.nb_classes})
    return model


@lru_cache
def same_letters(code: str) -> tuple[str, ...]:
    """Languages written in the letters of `code`, itself among them: letters do not tell them apart."""
    classes = script_classes(code)
    return (code,) if CharacterClass.HAN in classes else tuple(c for c in CODES if script_classes(c) == classes)


def probabilities(text: str, codes: tuple[str, ...]) -> dict[str, float]:
    """py3langid's probability of each language; none of one that it does not know."""
    found = dict(classifier(codes).rank(text))
    return {code: float(found[primary]) for code in codes if (primary := LANGUAGES[code].primary) in found}


class LanguageIdentifier:
    """Identifies languages among `candidates`, and judges conservatively whether an output missed its target language.

    Args:
        candidates: codes that `identify` may answer.
        lead: how far another language's probability must be ahead of the target's to call Latin-script text off-target.
        source_lead: the same where that other language is the known source: untranslated output is the usual failure.
        min_letters: with fewer letters only the script is judged; short texts are shared by many languages.

    Raises:
        InputError: unknown code among the candidates.
    """

    def __init__(
        self,
        candidates: Sequence[str] = CODES,
        lead: float = 0.3,
        source_lead: float = 0.1,
        min_letters: int = 10,
    ) -> None:
        self.candidates = tuple(language(code).code for code in candidates)
        self.lead, self.source_lead, self.min_letters = lead, source_lead, min_letters

    def identify(self, texts: Sequence[str]) -> list[str]:
        """The most likely candidate for each text; `und` where none can be told."""
        return [self._identify(text) for text in texts]

    def script_matches(self, text: str, code: str) -> bool:
        """Whether the letters of `text` may be those of language `code`; true for text without letters.

        Foreign names are allowed for: Latin letters beside the own script, or a few letters of any other.
        Japanese without kana, Chinese with them, and the wrong kind of Chinese do not match.
        """
        counts = class_counts(text)
        letters, own = letter_count(counts), own_letter_count(counts, code)
        if letters == 0:
            return True
        latin = counts[CharacterClass.LATIN]
        if (letters - own - (0 if language(code).script == "Latn" else latin)) / letters >= _MIN_WRONG_SHARE:
            return False
        if language(code).script != "Latn" and own / letters < _MIN_OWN_SHARE:
            return letters < self.min_letters  # a name, or untranslated text
        return _han_fits(text, counts, code)

    def off_target(self, text: str, target: str, source: str | None = None) -> bool:
        """Whether `text` is surely not in language `target`.

        Args:
            source: code of the language it was translated from, when known.
        """
        if not self.script_matches(text, target):
            return True
        if len(same_letters(target)) < 2 or letter_count(class_counts(text)) < self.min_letters:
            return False
        scores = probabilities(text, same_letters(target))
        if target not in scores:
            return False
        if source in scores and source != target and scores[source] - scores[target] > self.source_lead:
            return True
        return max(scores.values()) - scores[target] > self.lead

    def _identify(self, text: str) -> str:
        counts = class_counts(text)
        codes = self._among(_by_script(text, counts))
        if not codes and counts[CharacterClass.LATIN]:
            codes = self._among(_written_in(CharacterClass.LATIN))
        if len(codes) < 2 or CharacterClass.HAN in script_classes(codes[0]):
            return codes[0] if codes else UNDETERMINED
        scores = probabilities(text, codes)
        return max(scores, key=scores.__getitem__)

    def _among(self, codes: Iterable[str]) -> tuple[str, ...]:
        return tuple(code for code in codes if code in self.candidates)


@lru_cache
def _written_in(kind: CharacterClass) -> tuple[str, ...]:
    return tuple(code for code in CODES if script_classes(code) == (kind,))


def _by_script(text: str, counts: list[int]) -> tuple[str, ...]:
    """Codes that the script of the text names; of Japanese and Chinese the most likely first; nothing for Latin text.

    A Han character stands for about three Latin letters, and names stay Latin: one letter in ten is enough.
    """
    kinds = (CharacterClass.CYRILLIC, CharacterClass.THAI, CharacterClass.HANGUL, CharacterClass.LETTER)
    most = max(kinds, key=counts.__getitem__)
    east_asian = _east_asian_letters(counts)
    if max(counts[most], east_asian) < max(1, _MIN_OWN_SHARE * letter_count(counts)):
        return ()
    return _east_asian(counts) if east_asian > counts[most] else _written_in(most)


def _east_asian(counts: list[int]) -> tuple[str, ...]:
    scripts = ["Hans", "Hant"]
    if counts[CharacterClass.TRADITIONAL] > counts[CharacterClass.SIMPLIFIED]:
        scripts.reverse()
    scripts.insert(0 if _kana_share(counts) >= _MIN_KANA_SHARE else 2, "Jpan")
    return tuple(code for script in scripts for code in CODES if LANGUAGES[code].script == script)


def _surely_chinese(text: str) -> bool:
    """Whether a text without kana has a Han character that Japanese does not use (JIS X 0208 lacks it)."""
    if not _CHINESE_WORDS.isdisjoint(text):
        return True
    try:
        "".join(character for character in text if "\u4e00" <= character < "\ua000").encode("shift_jis")
    except UnicodeEncodeError:
        return True
    return False


def _kana_share(counts: list[int]) -> float:
    return counts[CharacterClass.KANA] / max(1, _east_asian_letters(counts))


def _east_asian_letters(counts: list[int]) -> int:
    return counts[CharacterClass.KANA] + sum(counts[kind] for kind in CHINESE)


def _han_fits(text: str, counts: list[int], code: str) -> bool:
    """Whether Han characters and kana are mixed as language `code` mixes them."""
    script = LANGUAGES[code].script
    if script == "Jpan":
        long = _east_asian_letters(counts) >= _LONG_WITHOUT_KANA
        return counts[CharacterClass.KANA] > 0 or not (long or _surely_chinese(text))
    if script not in ("Hans", "Hant"):
        return True
    if _kana_share(counts) >= 2 * _MIN_KANA_SHARE:
        return False
    simplified, traditional = counts[CharacterClass.SIMPLIFIED], counts[CharacterClass.TRADITIONAL]
    return simplified >= traditional if script == "Hans" else traditional >= simplified
