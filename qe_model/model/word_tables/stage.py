"""The stage `qe_word_tables`: tables of the directions that people have annotated, learnt from the corpus."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from parley.languages.table import pair
from parley.pipeline.errors import InputError
from parley.pipeline.shards import shard_folders
from parley.pipeline.stage import Needs, Shard, Stage

MAX_ROWS: Final = 300_000  # of the train split that hold both languages
MIN_COUNT: Final = 2  # words that occur less often are left out
FLOOR: Final = 1e-3  # smaller probabilities are left out


class WordTablesStage(Stage[tuple[str, ...]]):
    """Learns the tables of `WordTables` from the train split, a direction a shard; input `corpus`.

    Its config is the pairs of languages, such as `en-de`, of which both directions get a table.
    """

    name = "qe_word_tables"
    version: ClassVar[int] = 2  # a sample of rows
    needs: ClassVar[Needs] = Needs(memory_gb=6.0)

    def shards(self, inputs: Mapping[str, Path]) -> Sequence[Shard]:
        """A direction each."""
        pairs = [pair(each) for each in self.config]
        return [Shard(f"{a}-{b}", {"source": a, "target": b}) for one in pairs for a, b in (one, one[::-1])]

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        """Learn one table.

        Raises:
            InputError: a direction without rows in the train split.
        """
        from parley.corpus.store import Corpus, filled
        from qe_model.model.word_tables.word_table import WordTable

        corpus, codes = Corpus.open(inputs["corpus"]), [shard.task["source"], shard.task["target"]]
        if missing := [code for code in codes if code not in corpus.languages]:
            raise InputError(f"qe.word_tables: {shard.name}: the corpus has no {missing[0]}")
        rows = corpus.sample(codes, count=MAX_ROWS, where=filled(*codes))
        if not rows.num_rows:
            raise InputError(f"qe.word_tables: {shard.name}: no row of the train split holds both languages")
        sources, targets = (rows[code].to_pylist() for code in codes)
        WordTable.fit(list(zip(sources, targets, strict=True)), min_count=MIN_COUNT, floor=FLOOR).save(out, shard.name)

    def merge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Put the tables beside each other; tells how many entries each has."""
        from qe_model.model.word_tables.tables import WordTables

        found = WordTables({})
        for folder in shard_folders(out):
            found.tables |= WordTables.load(folder).tables
        found.save(out)
        return {"entries": {direction: len(table.keys) for direction, table in found.tables.items()}}
