"""A report with all that belongs to it: details, report.json, tables, pages."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from eval.config import EvaluationConfig
from eval.report.data import add_details
from eval.report.pages.site import OUTPUTS, SCORES, write_pages
from eval.testsets.outputs import write_table
from parley.metrics.message_quality import FILE as QUALITY
from parley.metrics.message_quality import SCHEMA as QUALITY_SCHEMA
from parley.pipeline.atomic import write_json


def write_report(
    out: Path,
    report: dict[str, Any],
    outputs: pa.Table,
    messages: pa.Table,
    config: EvaluationConfig,
    corpus: Path | None = None,
    quality: pa.Table | None = None,
) -> None:
    """Add the details to a report and write report.json, its tables and all pages into `out`.

    Args:
        report: without details; they are put into it.
        outputs: of all systems, with the columns of `eval.testsets.outputs.SCHEMA`.
        messages: their scores, aligned.
        config: samples of the bootstrap, messages shown, seed.
        corpus: folder of the corpus stage, whose training split tells rare words; None leaves them out.
        quality: scores of quality estimation (`parley.metrics.message_quality.SCHEMA`); None or empty without it.
    """
    add_details(report, outputs, messages, corpus, config, quality)
    write_json(out / "report.json", report)
    write_table(out / OUTPUTS, outputs)
    write_table(out / SCORES, messages)
    write_table(out / QUALITY, QUALITY_SCHEMA.empty_table() if quality is None else quality)
    write_pages(out, report, outputs, messages)
