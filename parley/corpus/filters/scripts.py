"""Letters at all, and letters of the right script; Chinese of the right kind."""

import numpy as np

from parley.corpus.cleaning_config import CleaningConfig, ScriptConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.text_column import TextColumn
from parley.languages.scripts import CHINESE, CharacterClass, script_classes
from parley.languages.table import LANGUAGES


def letters(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells with too few letters among their characters."""
    least = config.script.min_letters

    def judge(column: TextColumn, code: str) -> np.ndarray:
        spaces = column.class_counts[:, CharacterClass.SPACE]
        return (column.letters == 0) | (column.letters < least * (column.lengths - spaces))

    return cells.by_language(judge)


def script(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells in another script, Japanese that is Chinese and the reverse, and the wrong kind of Chinese."""
    return cells.by_language(
        lambda column, code: _wrong_script(column, code, config.script) | _wrong_han(column, code, config.script)
    )


def _wrong_script(column: TextColumn, code: str, limits: ScriptConfig) -> np.ndarray:
    own = column.class_counts[:, list(script_classes(code))].sum(axis=1)
    if LANGUAGES[code].script == "Latn":
        return own < limits.min_own_latin * column.letters
    # Latin names are allowed for; letters of a third script are not.
    third = column.letters - own - column.class_counts[:, CharacterClass.LATIN]
    return (own < limits.min_own_other * column.letters) | (own == 0) | (third > own)


def _wrong_han(column: TextColumn, code: str, limits: ScriptConfig) -> np.ndarray:
    counts = column.class_counts
    kana, han = counts[:, CharacterClass.KANA], counts[:, list(CHINESE)].sum(axis=1)
    own = LANGUAGES[code].script
    if own == "Jpan":
        return (kana == 0) & (han >= limits.max_han_without_kana)
    simplified, traditional = counts[:, CharacterClass.SIMPLIFIED], counts[:, CharacterClass.TRADITIONAL]
    japanese = kana > limits.max_kana_in_chinese * (kana + han)
    if own == "Hans":
        return japanese | (traditional > simplified)
    if own == "Hant":
        return japanese | (simplified > traditional)
    return np.zeros(len(column), bool)
