"""Outputs of an evaluation scored for the report: counts, spans, choice of messages, resumption."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parley.metrics.message_quality import DIMENSIONS, FILE, SCHEMA, SEVERITIES
from parley.pipeline.errors import InputError
from qe_model.scoring.scorer import QualityScorer
from qe_model.scoring.stage import OUTPUTS, QualityStage, QualityStageConfig, chosen_rows
from qe_model.training_stages import QEStage
from tests.qe_model.tiny_qe import make_world, tiny_config, write_data

TEXTS = [("en-fr", "wo bim ta", "ci nob"), ("en-fr", "ta", ""), ("fr-en", "ci nob", "ci nob"), ("en-fr", "x", "y z")]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("quality")
    world = {**make_world(root / "world"), "qe_data": write_data(root / "data", 60, 20, 20)}
    QEStage(tiny_config(12)).run(root / "qe", world)
    return {"qe": root / "qe", "evaluation": write_outputs(root / "evaluation")}


def write_outputs(folder: Path) -> Path:
    """Two systems that say the same."""
    folder.mkdir()
    rows = [
        {"pair": direction, "system": system, "row_id": f"r{row}", "source": source, "hypothesis": hypothesis}
        for system in ("teacher", "other")
        for row, (direction, source, hypothesis) in enumerate(TEXTS)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / OUTPUTS)
    return folder


def test_a_line_for_every_output(folders: dict[str, Path], tmp_path: Path) -> None:
    facts = QualityStage(QualityStageConfig()).run(tmp_path, folders)
    table = pq.read_table(tmp_path / FILE)
    assert table.schema.equals(SCHEMA)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    rows = {(row["system"], row["row_id"]): row for row in table.to_pylist()}
    assert len(rows) == facts["messages"] == 2 * len(TEXTS)
    expected = QualityScorer.load(folders["qe"]).score_texts(["wo bim ta"], ["ci nob"], [("en", "fr")])[0]
    for system in ("teacher", "other"):
        assert rows[system, "r0"]["score"] == pytest.approx(expected.score, abs=1e-3)
        assert rows[system, "r0"]["words"] == 2
        assert rows[system, "r1"]["flags"] == ["empty"]
    for row in rows.values():
        marked = [span for span in row["spans"] if span["side"] == "target"]
        assert sum(row[name] for name in SEVERITIES) == len(marked) == sum(row[name] for name in DIMENSIONS)
        assert all(0 <= span["start"] <= span["end"] for span in row["spans"])


def test_a_killed_scoring_goes_on(folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score, calls = QualityScorer.score_texts, []

    def killed(self, *lists, **more):  # type: ignore[no-untyped-def]
        calls.append(len(lists[0]))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return score(self, *lists, **more)

    monkeypatch.setattr(QualityScorer, "score_texts", killed)
    with pytest.raises(KeyboardInterrupt):
        QualityStage(QualityStageConfig()).run(tmp_path, folders)
    QualityStage(QualityStageConfig()).run(tmp_path, folders)
    monkeypatch.setattr(QualityScorer, "score_texts", score)
    assert calls == [3, 1, 1]  # en with each text once, fr killed, fr alone
    QualityStage(QualityStageConfig()).run(tmp_path / "whole", folders)
    assert (tmp_path / FILE).read_bytes() == (tmp_path / "whole" / FILE).read_bytes()
    assert pq.read_table(tmp_path / FILE).num_rows == 2 * len(TEXTS)


def test_every_system_is_scored_on_the_same_messages() -> None:
    rows = [
        {"pair": direction, "system": system, "row_id": f"r{row}"}
        for system in "ab"
        for direction in ("en-fr", "fr-en")
        for row in range(50)
    ]
    for system in "ab":
        mine = [row for row in rows if row["system"] == system]
        chosen = chosen_rows(mine, 7, seed=1)
        assert [row["pair"] for row in chosen] == ["en-fr"] * 7 + ["fr-en"] * 7
        ids = [row["row_id"] for row in chosen]
        assert ids[:7] == ids[7:] == [row["row_id"] for row in chosen_rows(rows[:50], 7, seed=1)]
    assert chosen_rows(rows, 0, seed=1) == rows
    assert chosen_rows(rows[:50], 7, seed=2) != chosen_rows(rows[:50], 7, seed=1)


def test_what_is_no_evaluation_is_named(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not the outputs of an evaluation"):
        QualityStage(QualityStageConfig()).run(tmp_path / "out", {**folders, "evaluation": tmp_path})
