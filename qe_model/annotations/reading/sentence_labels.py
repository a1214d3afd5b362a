"""Sets with a label per sentence and no spans: ratings of chat turns, and votes on critical errors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from qe_model.annotations.annotation import AnnotatedTranslation, ContextMessage
from qe_model.annotations.reading.rows import Row, read_rows

_COLUMNS: Final = ("src_lang", "tgt_lang", "source", "split")


def read_sentence_labels(file: Path) -> Iterator[AnnotatedTranslation]:
    """One translation per row; nothing is known of its words.

    Rows have `rating` (0-100, kind "rating") or `critical` (kind "critical": -1 for a catastrophic error, else 0).
    Rows without any label are left out.

    Raises:
        InputError: a column missing; the message names the row.
    """
    for number, (_, row) in enumerate(read_rows(file, _COLUMNS)):
        score, kind = _score(row)
        if score is None:
            continue
        row_id = f"{file.stem}:{row['src_lang']}-{row['tgt_lang']}:{number}"
        texts = row.get("context_prev") or []
        yield AnnotatedTranslation(
            id=row_id,
            document=str(row.get("doc") or row.get("item") or row_id),
            system=row.get("system") or "",
            source_lang=row["src_lang"],
            target_lang=row["tgt_lang"],
            source=row["source"],
            target=row["target"] if "target" in row else row.get("target_tok") or "",
            context=tuple(map(ContextMessage, texts, row.get("context_prev_target") or [None] * len(texts))),
            raters=(row.get("rater") or "votes",),
            known=frozenset(),
            score=score,
            score_kind=kind,
            split=row["split"],
            domain=row.get("sender") or "",
        )


def _score(row: Row) -> tuple[float | None, str]:
    if row.get("rating") is not None:
        return float(row["rating"]), "rating"
    return (-float(row["critical"]), "critical") if row.get("critical") is not None else (None, "")
