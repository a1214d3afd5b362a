"""A report with all that belongs to it: details, report.json, tables, pages."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from eval.config import EvaluationConfig
from eval.outputs import write_table
from eval.pages.site import OUTPUTS, SCORES, write_pages
from eval.report_data import add_details
from pipeline.atomic import write_json


def write_report(
    out: Path,
    report: dict[str, Any],
    outputs: pa.Table,
    messages: pa.Table,
    config: EvaluationConfig,
    corpus: Path | None = None,
) -> None:
    """Add the details to a report and write report.json, both tables and all pages into `out`.

    Args:
        report: without details; they are put into it.
        outputs: of all systems, with the columns of `eval.outputs.SCHEMA`.
        messages: their scores, aligned.
        config: samples of the bootstrap, messages shown, seed.
        corpus: folder of the corpus stage, whose training split tells rare words; None leaves them out.
    """
    add_details(report, outputs, messages, corpus, config)
    write_json(out / "report.json", report)
    write_table(out / OUTPUTS, outputs)
    write_table(out / SCORES, messages)
    write_pages(out, report, outputs, messages)
