"""Letters of the right script; Chinese of the right kind."""

from typing import Final

import numpy as np

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.registry import FILTERS
from parley.corpus.text_column import TextColumn
from parley.languages.scripts import CHINESE, CharacterClass, script_classes
from parley.languages.table import LANGUAGES

_MIN_OWN_LATIN: Final = 0.6  # own letters among all letters in Latin-script languages: other scripts' names are rare
# In other scripts names and game terms stay Latin, and a Han character stands for 3 Latin letters.
_MIN_OWN_OTHER: Final = 0.1
_MAX_KANA: Final = 0.2  # of the East Asian letters of a Chinese cell: の is used for style
_HAN_WITHOUT_KANA: Final = 12  # a Japanese cell of so many Han letters without kana is taken for Chinese


@FILTERS.register("script")
def script(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells in another script, Japanese that is Chinese and the reverse, and the wrong kind of Chinese."""
    return cells.by_language(lambda column, code: _wrong_script(column, code) | _wrong_han(column, code))


def _wrong_script(column: TextColumn, code: str) -> np.ndarray:
    own = column.class_counts[:, list(script_classes(code))].sum(axis=1)
    if LANGUAGES[code].script == "Latn":
        return own < _MIN_OWN_LATIN * column.letters
    # Latin names are allowed for; letters of a third script are not.
    third = column.letters - own - column.class_counts[:, CharacterClass.LATIN]
    return (own < _MIN_OWN_OTHER * column.letters) | (own == 0) | (third > own)


def _wrong_han(column: TextColumn, code: str) -> np.ndarray:
    counts = column.class_counts
    kana, han = counts[:, CharacterClass.KANA], counts[:, list(CHINESE)].sum(axis=1)
    own = LANGUAGES[code].script
    if own == "Jpan":
        return (kana == 0) & (han >= _HAN_WITHOUT_KANA)
    simplified, traditional = counts[:, CharacterClass.SIMPLIFIED], counts[:, CharacterClass.TRADITIONAL]
    japanese = kana > _MAX_KANA * (kana + han)
    if own == "Hans":
        return japanese | (traditional > simplified)
    if own == "Hant":
        return japanese | (simplified > traditional)
    return np.zeros(len(column), bool)
