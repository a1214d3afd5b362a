"""The stage `quality`: the outputs of one evaluation scored without their references, for the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from parley.languages.table import pair
from parley.metrics.message_quality import DIMENSIONS, FILE, SCHEMA, SEVERITIES
from parley.pipeline.atomic import replacing
from parley.pipeline.errors import InputError
from parley.pipeline.shards import shard_folders
from parley.pipeline.stage import Needs, Shard, Stage, transient
from qe_model.annotations.splits import drawn_place

if TYPE_CHECKING:
    from qe_model.scoring.scorer import QualityScore, QualityScorer

OUTPUTS: Final = "outputs.parquet"  # of an evaluation
COLUMNS: Final = ("pair", "system", "row_id", "source", "hypothesis")
Row = dict[str, Any]


@dataclass(frozen=True)
class QualityStageConfig:
    """Which outputs are scored.

    Attributes:
        messages: of each direction at most; 0 for all. The same messages for every system.
        seed: of their choice.
        batch_tokens: padded pieces read at once.
    """

    messages: int = 0
    seed: int = 1
    batch_tokens: int = transient(8192)


class QualityStage(Stage[QualityStageConfig]):
    """Scores the outputs of `evaluation` with the model of `qe`, a source language a shard.

    Its folder: quality.parquet (`parley.metrics.message_quality.SCHEMA`).
    """

    name = "quality"
    version: ClassVar[int] = 3  # ordered by source language
    needs: ClassVar[Needs] = Needs(memory_gb=4.0, accelerators=1)

    def shards(self, inputs: Mapping[str, Path]) -> Sequence[Shard]:
        """A source language each.

        Raises:
            InputError: outputs that cannot be read.
        """
        directions = read_outputs(inputs["evaluation"] / OUTPUTS, ("pair",))["pair"].unique().to_pylist()
        sources: dict[str, list[str]] = {}
        for direction in sorted(directions):
            sources.setdefault(pair(direction)[0], []).append(direction)
        return [Shard(code, {"directions": found}) for code, found in sources.items()]

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        """Score the outputs of some directions.

        Raises:
            InputError: outputs that cannot be read, or no quality-estimation model.
        """
        from qe_model.scoring.scorer import QualityScorer

        chosen = pc.field("pair").isin(shard.task["directions"])
        table = read_outputs(inputs["evaluation"] / OUTPUTS, COLUMNS, chosen)
        rows = chosen_rows(table.to_pylist(), self.config.messages, self.config.seed)
        scorer = QualityScorer.load(inputs["qe"], batch_tokens=self.config.batch_tokens)
        _write(out / FILE, pa.Table.from_pylist(score_rows(scorer, rows), schema=SCHEMA))

    def merge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Put the scores of all source languages into one file."""
        tables = [SCHEMA.empty_table(), *(pq.read_table(folder / FILE) for folder in shard_folders(out))]
        scored = pa.concat_tables(tables)
        _write(out / FILE, scored)
        return {"messages": scored.num_rows, "mean": pc.mean(scored["score"]).as_py()}


def read_outputs(path: Path, columns: Sequence[str], where: pc.Expression | None = None) -> pa.Table:
    """Some columns of an evaluation's outputs.

    Raises:
        InputError: not a table of outputs.
    """
    try:
        return pq.read_table(path, columns=list(columns), filters=where)
    except (OSError, ValueError, pa.ArrowException) as error:
        line = str(error).splitlines()[0]
        raise InputError(f"{path}: not the outputs of an evaluation ({line})") from error


def chosen_rows(rows: Sequence[Row], limit: int, seed: int) -> list[Row]:
    """At most `limit` rows of each direction (0: all), in their order; row id and seed alone decide which."""
    if not limit:
        return list(rows)
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["pair"], []).append(row)
    kept = {
        (direction, row["row_id"])
        for direction, members in found.items()
        for row in sorted(members, key=lambda row: drawn_place(row["row_id"], seed))[:limit]
    }
    return [row for row in rows if (row["pair"], row["row_id"]) in kept]


def score_rows(scorer: "QualityScorer", rows: Sequence[Row]) -> list[Row]:
    """A line of `SCHEMA` for each output; equal outputs of one message are read once."""
    keys = [(row["source"], row["hypothesis"], pair(row["pair"])) for row in rows]
    unique = list(dict.fromkeys(keys))
    texts = [key[0] for key in unique], [key[1] for key in unique], [key[2] for key in unique]
    scores = scorer.score_texts(*texts, description="quality")
    said = dict(zip(unique, scores, strict=True))
    return [quality_row(row, said[key]) for row, key in zip(rows, keys, strict=True)]


def quality_row(row: Row, said: "QualityScore") -> Row:
    """One line: the score, counts of the output's errors, all spans."""
    errors = [span for span in said.spans if span.side == "target" and span.placed]
    counts = {name: sum(span.severity == name for span in errors) for name in SEVERITIES}
    counts |= {name: sum(span.dimension == name for span in errors) for name in DIMENSIONS}
    spans = [
        {key: getattr(span, key) for key in ("start", "end", "side", "severity", "dimension")}
        for span in said.spans
        if span.placed
    ]
    keys = {key: row[key] for key in ("pair", "system", "row_id")}
    return keys | {
        "score": said.score,
        "words": len(said.words.words),
        **counts,
        "flags": list(said.flags),
        "spans": spans,
    }


def _write(path: Path, table: pa.Table) -> None:
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
