"""What a filter sees: the text columns of a table, and which cells are still there."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from parley.corpus.text_column import TextColumn

Mask = np.ndarray  # bool[rows, languages]


class Cells:
    """The cells of a multiway table, N rows by L languages.

    Attributes:
        languages: codes, in the order of the masks' columns.
        filled: bool[N, L], cells that no filter has dropped so far; none in a dropped row.
        changed: bool[N, L], cells whose text the running filter rewrote.
    """

    def __init__(self, table: pa.Table, languages: Sequence[str]) -> None:
        self.languages = tuple(languages)
        self.rows: int = table.num_rows
        self.columns = {code: TextColumn(table[code]) for code in self.languages}
        present = [self.columns[code].array.is_valid().to_numpy(zero_copy_only=False) for code in self.languages]
        self.filled: Mask = np.stack(present, axis=1) if present else np.zeros((self.rows, 0), bool)
        self.changed: Mask = self.empty_mask()

    def empty_mask(self) -> Mask:
        """A mask that drops nothing."""
        return np.zeros((self.rows, len(self.languages)), bool)

    def by_language(self, judge: Callable[[TextColumn, str], np.ndarray]) -> Mask:
        """The mask made of one judgement, bool[N], per language."""
        mask = self.empty_mask()
        for index, code in enumerate(self.languages):
            mask[:, index] = judge(self.columns[code], code)
        return mask

    def replace(self, code: str, array: pa.Array, changed: np.ndarray) -> None:
        """Put new text into a column; `changed`, bool[N], says where it differs."""
        self.columns[code] = TextColumn(array)
        self.changed[:, self.languages.index(code)] |= changed
