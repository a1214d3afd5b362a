"""Finding a report and its outputs, in a run or beside each other."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eval.evidence import load_evidence
from eval.scoring.message_scores import score_messages
from parley.metrics.registry import METRICS
from parley.pipeline.atomic import write_json, write_text
from parley.pipeline.errors import InputError
from tests.eval.planted import evidence, rows


def save(folder: Path, **run: object) -> None:
    found = evidence(rows(messages=8))
    write_json(folder / "report.json", dict(found.report) | {"run": run})


def save_outputs(folder: Path, system: str = "teacher", counts: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    outputs = evidence([row | {"system": system} for row in rows(messages=8)]).outputs
    assert outputs is not None
    pq.write_table(outputs.outputs, folder / "outputs.parquet")
    if counts:
        pq.write_table(score_messages(outputs.outputs, None), folder / "message_scores.parquet")


@pytest.mark.parametrize("given", ["", "report.json"])
def test_outputs_beside_the_report(tmp_path: Path, given: str) -> None:
    save(tmp_path)
    save_outputs(tmp_path)
    found = load_evidence(tmp_path / given)
    messages = found.messages("teacher", "en-fr")
    assert messages is not None
    assert len(messages) == 8
    assert found.messages("student", "en-fr") is None


@pytest.mark.parametrize("given", ["", "report", "report/f9"])
def test_outputs_of_the_run_that_the_report_names(tmp_path: Path, given: str) -> None:
    prints = {"corpus": "c1", "evaluation": "e1", "evaluation_student": "e2"}
    for place in ("report", "report/f9"):
        save(tmp_path / "demo" / place, name="demo", fingerprints=prints)
    save_outputs(tmp_path / "demo/evaluation/e1")
    save_outputs(tmp_path / "demo/evaluation/older")
    save_outputs(tmp_path / "demo/evaluation_student/e2", "student")
    found = load_evidence(tmp_path / "demo" / given)
    assert found.name == "demo"
    assert all(found.messages(system, "de-en") for system in ("teacher", "student"))
    assert found.outputs is not None
    assert len(found.outputs.outputs) == 2 * 6 * 8


def test_stored_counts_equal_counted_ones(tmp_path: Path) -> None:
    save(tmp_path)
    save_outputs(tmp_path, counts=True)
    stored = load_evidence(tmp_path).messages("teacher", "en-fr")
    (tmp_path / "message_scores.parquet").unlink()
    counted = load_evidence(tmp_path).messages("teacher", "en-fr")
    assert stored is not None
    assert counted is not None
    assert stored.scored is not None
    assert counted.scored is None
    for name in ("chrf", "chrfpp", "bleu"):
        metric = METRICS[name]
        assert (stored.statistics(metric) == counted.statistics(metric)).all()
        assert (stored.take([3, 1]).statistics(metric) == counted.statistics(metric)[[3, 1]]).all()


def test_counts_of_other_outputs_are_left_alone(tmp_path: Path) -> None:
    save(tmp_path)
    save_outputs(tmp_path, "student", counts=True)
    save_outputs(tmp_path, "teacher")
    messages = load_evidence(tmp_path).messages("teacher", "en-fr")
    assert messages is not None
    assert messages.scored is None


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no report\.json there"):
        load_evidence(tmp_path / "nowhere")
    write_text(tmp_path / "report.json", "{")
    with pytest.raises(InputError, match="not readable as JSON"):
        load_evidence(tmp_path)
    write_text(tmp_path / "report.json", "{}")
    with pytest.raises(InputError, match="not a report of this project"):
        load_evidence(tmp_path)
    save(tmp_path)
    pq.write_table(pa.table({"pair": ["en-fr"]}), tmp_path / "outputs.parquet")
    with pytest.raises(InputError, match="no column system, row_id"):
        load_evidence(tmp_path)
