"""The stage `compared`: what takes all rows at once: splits, ids, duplicates, dev rows that meet test.

It decides and copies nothing: `decisions/<part>.parquet` has a line for each row of a part of `cleaned`.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from parley.corpus.cleaned_stage import PROTECTED
from parley.corpus.config import CorpusConfig
from parley.corpus.decontamination import HeldOutTexts
from parley.corpus.deduplication import exact_duplicates, near_duplicates
from parley.corpus.numbered import NumberedRows
from parley.corpus.source_config import SPLITS
from parley.corpus.splits import DEV, TEST, TRAIN, assign_splits
from parley.pipeline.errors import InputError
from parley.pipeline.stage import Needs, Stage

DECISIONS: Final = "decisions"
HELD_OUT: Final = "held_out.parquet"
REASONS: Final = ("", "exact_duplicates", "near_duplicates", "dev_decontamination")
KEPT, EXACT, NEAR, IN_TEST = range(len(REASONS))


class ComparedStage(Stage[CorpusConfig]):
    """Writes `decisions/` and `held_out.parquet`: the texts of dev, test and the user's test sets. Input `cleaned`."""

    name = "compared"
    needs = Needs(cores=2, memory_gb=4.0)

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Decide; the facts are how many rows each split gets and each reason takes.

        Raises:
            InputError: a split that is asked for is empty.
        """
        work = out / "work"
        work.mkdir(parents=True, exist_ok=True)
        rows = NumberedRows(inputs["cleaned"], work)
        protected = pq.read_table(inputs["cleaned"] / PROTECTED)
        config, cleaning = self.config, self.config.cleaning
        shares, required = (config.dev_share, config.test_share), config.required_splits
        splits = assign_splits(rows, rows.own_splits(), *shares, config.split_seed, required)
        decided = _Decisions(rows, splits)
        if cleaning.duplicates != "none":
            decided.drop(EXACT, *exact_duplicates(rows, decided.not_in_train()))
        if cleaning.duplicates == "near":
            decided.drop(NEAR, *near_duplicates(rows, decided.not_in_train(), config.codes))
        self._hold_out(rows, decided, protected, out)
        self._check_splits(splits)
        decided.write(out / DECISIONS)
        rows.close()
        shutil.rmtree(work)
        return decided.facts()

    def _hold_out(self, rows: NumberedRows, decided: "_Decisions", protected: pa.Table, out: Path) -> None:
        """Drop dev rows that meet a test text, and write the texts that train rows must not hold."""
        held_out = np.flatnonzero(decided.splits != TRAIN)
        batches = rows.groups(held_out, np.zeros(len(held_out), np.int8), self.config.codes)
        schema = pa.schema([("group", pa.int8()), ("row", pa.int64()), *protected.schema])
        table = pa.Table.from_batches(batches, schema)
        texts, split = table.select(protected.column_names), decided.splits[table["row"].to_numpy()]
        of_test = pa.concat_tables([texts.filter(pa.array(split == TEST)), protected])
        near = self.config.cleaning.decontamination == "near"
        found = HeldOutTexts(of_test.to_pydict(), near).found_in(texts, split == DEV)
        places = np.array(sorted(found), np.int64)
        decided.drop(IN_TEST, table["row"].to_numpy()[places])
        decided.test_texts = {int(table["row"][place].as_py()): found[place] for place in places.tolist()}
        kept = np.ones(len(texts), bool)
        kept[places] = False
        pq.write_table(pa.concat_tables([texts.filter(pa.array(kept)), protected]), out / HELD_OUT, compression="zstd")

    def _check_splits(self, splits: np.ndarray) -> None:
        for split in self.config.required_splits:
            if not (splits == SPLITS.index(split)).any():
                raise InputError(f"the corpus has no {split} rows: see dev_share, test_share, and the sources' splits")


def held_out_texts(compared: Path, near: bool) -> HeldOutTexts:
    """The texts that no train row may hold; `near`: nor nearly."""
    return HeldOutTexts(pq.read_table(compared / HELD_OUT).to_pydict(), near)


class _Decisions:
    """What becomes of each row: about 20 bytes a row.

    Attributes:
        splits: uint8[N], places in `SPLITS`.
        test_texts: the test text that a dropped dev row holds.
    """

    def __init__(self, rows: NumberedRows, splits: np.ndarray) -> None:
        self.rows, self.splits = rows, splits
        self.test_texts: dict[int, str] = {}
        self._reasons = np.zeros(len(rows), np.uint8)
        self._repeats = np.full(len(rows), -1, np.int64)

    def drop(self, reason: int, rows: np.ndarray, repeats: np.ndarray | None = None) -> None:
        """Note why rows are dropped, and which row each repeats."""
        self._reasons[rows] = reason
        if repeats is not None:
            self._repeats[rows] = repeats

    def not_in_train(self) -> np.ndarray:
        """Rows of dev and test, and those that are dropped."""
        return np.flatnonzero((self.splits != TRAIN) | (self._reasons != KEPT))

    def write(self, folder: Path) -> None:
        """A file for each part: `row_id` where an earlier row has it, `split`, `reason`, `repeats`, `test_text`."""
        folder.mkdir(exist_ok=True)
        renamed, ids = self.rows.renamed()
        for part, start, stop in zip(self.rows.folders, self.rows.starts, self.rows.starts[1:], strict=False):
            low, high = np.searchsorted(renamed, [start, stop])
            own: list[str | None] = [None] * int(stop - start)
            for row, row_id in zip(renamed[low:high] - start, ids[low:high], strict=True):
                own[row] = row_id
            columns = {
                "row_id": pa.array(own, pa.string()),
                "split": pa.array(SPLITS).take(pa.array(self.splits[start:stop])),
                "reason": pa.array(REASONS).take(pa.array(self._reasons[start:stop])),
                "repeats": self._repeats[start:stop],
                "test_text": pa.array([self.test_texts.get(row) for row in range(start, stop)], pa.string()),
            }
            pq.write_table(pa.table(columns), folder / f"{part.name}.parquet", compression="zstd")

    def facts(self) -> dict[str, Any]:
        """Rows per split, those to be dropped counted, and rows per reason."""
        splits = {name: int((self.splits == place).sum()) for place, name in enumerate(SPLITS)}
        reasons = {name: int((self._reasons == place).sum()) for place, name in enumerate(REASONS) if name}
        return {"rows": splits, "dropped": reasons}
