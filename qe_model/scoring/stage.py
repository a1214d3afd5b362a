"""The stage `quality`: the outputs of one evaluation scored without their references, for the report."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pyarrow as pa
import pyarrow.parquet as pq

from parley.languages.table import pair
from parley.languages.words import words_of
from parley.metrics.message_quality import DIMENSIONS, FILE, SCHEMA, SEVERITIES
from parley.pipeline.atomic import remove, replacing
from parley.pipeline.errors import InputError
from parley.pipeline.progress import progress_bar
from parley.pipeline.stage import Needs, Stage, transient

if TYPE_CHECKING:
    from qe_model.scoring.scorer import QualityScore, QualityScorer

OUTPUTS: Final = "outputs.parquet"  # of an evaluation
COLUMNS: Final = ("pair", "system", "row_id", "source", "hypothesis")
PORTION: Final = 1024  # outputs between two steps of the progress bar
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
    """Scores the outputs of `evaluation` with the model of `qe`; goes on after finished source languages.

    Its folder: quality.parquet (`parley.metrics.message_quality.SCHEMA`).
    """

    name = "quality"
    needs: ClassVar[Needs] = Needs(cores=0, memory_gb=8.0, accelerators=1)
    keeps_work: ClassVar[bool] = True

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Score and write.

        Raises:
            InputError: outputs that cannot be read, or no quality-estimation model.
        """
        import torch

        from qe_model.scoring.scorer import QualityScorer

        rows = chosen_rows(read_outputs(inputs["evaluation"] / OUTPUTS), self.config.messages, self.config.seed)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        scorer = QualityScorer.load(inputs["qe"], batch_tokens=self.config.batch_tokens, device=device)
        parts = out / "parts"
        tables = [SCHEMA.empty_table(), *_scored_by_source(scorer, rows, parts)]
        _write(out / FILE, pa.concat_tables(tables))
        remove(parts)
        return {"messages": len(rows), "mean": _mean(tables)}


def read_outputs(path: Path) -> list[Row]:
    """Rows of an evaluation's outputs.

    Raises:
        InputError: not a table of outputs.
    """
    try:
        return list(pq.read_table(path, columns=list(COLUMNS)).to_pylist())
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
        for row in sorted(members, key=lambda row: _rank(row["row_id"], seed))[:limit]
    }
    return [row for row in rows if (row["pair"], row["row_id"]) in kept]


def score_rows(scorer: "QualityScorer", rows: Sequence[Row]) -> list[Row]:
    """A line of `SCHEMA` for each output; equal outputs of one message are read once."""
    keys = [(row["source"], row["hypothesis"], pair(row["pair"])) for row in rows]
    unique = list(dict.fromkeys(keys))
    scores = scorer.score_texts([key[0] for key in unique], [key[1] for key in unique], [key[2] for key in unique])
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
    words = len(words_of(row["hypothesis"]))
    return keys | {"score": said.score, "words": words, **counts, "flags": list(said.flags), "spans": spans}


def _scored_by_source(scorer: "QualityScorer", rows: Sequence[Row], parts: Path) -> Iterator[pa.Table]:
    """Tables by source language; those found in `parts` are taken as they are."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(pair(row["pair"])[0], []).append(row)
    with progress_bar("quality", len(rows)) as bar:
        for code, members in groups.items():
            part = parts / f"{code}.parquet"
            if not part.exists():
                scored: list[Row] = []
                for start in range(0, len(members), PORTION):
                    scored += score_rows(scorer, members[start : start + PORTION])
                    bar.advance(len(members[start : start + PORTION]))
                _write(part, pa.Table.from_pylist(scored, schema=SCHEMA))
            yield pq.read_table(part)


def _write(path: Path, table: pa.Table) -> None:
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _mean(tables: Sequence[pa.Table]) -> float | None:
    scores = [score for table in tables for score in table["score"].to_pylist()]
    return sum(scores) / len(scores) if scores else None


def _rank(row_id: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}:{row_id}".encode(), digest_size=8).digest()
