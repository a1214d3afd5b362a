"""Key `backtranslation` of the report: gains over the control on the same messages, and the rounds."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sacrebleu import corpus_chrf

from backtranslation.report import BacktranslationReportConfig, BacktranslationReportStage, backtranslation_report
from parley.pipeline.errors import InputError
from tests.training.toy_corpus import WORDS

REFERENCES = [" ".join(WORDS[(number + step * step) % len(WORDS)] for step in range(5)) for number in range(30)]


def evaluation(folder: Path, wrong: dict[str, int], rows: int = 30) -> Path:
    """Outputs in which every n-th message of a direction is wrong."""
    folder.mkdir()
    lines = [
        {"pair": name, "row_id": str(row), "hypothesis": "zz" if row % every == 0 else text, "reference": text}
        for name, every in wrong.items()
        for row, text in enumerate(REFERENCES[:rows])
    ]
    pq.write_table(pa.Table.from_pylist(lines), folder / "outputs.parquet")
    return folder


def round_folder(folder: Path, number: int, adopted: bool) -> Path:
    folder.mkdir()
    told = {"round": number, "adopted": adopted, "pairs": {"fr-th": {"candidates": 5}}}
    (folder / "round.json").write_text(json.dumps(told))
    return folder


def test_gains_are_paired_and_grouped(tmp_path: Path) -> None:
    folders = {
        "round_2": round_folder(tmp_path / "r2", 2, False),
        "round_1": round_folder(tmp_path / "r1", 1, True),
        "without": evaluation(tmp_path / "without", {"fr-th": 2, "th-fr": 2, "en-fr": 7, "fr-en": 7}),
        "with": evaluation(tmp_path / "with", {"fr-th": 10, "th-fr": 3, "en-fr": 7, "fr-en": 7}, rows=25),
    }
    told = backtranslation_report(folders, samples=200)
    assert [each["round"] for each in told["rounds"]] == [1, 2]
    assert told["adopted"] == 1
    assert set(told["pairs"]) == {"fr-th", "th-fr"}
    gain = told["pairs"]["fr-th"]
    shown = ["zz" if row % 2 == 0 else text for row, text in enumerate(REFERENCES[:25])]
    assert gain["without"] == pytest.approx(corpus_chrf(shown, [REFERENCES[:25]]).score), "of the common messages only"
    assert gain["delta_ci"][0] <= gain["delta"] <= gain["delta_ci"][1]
    assert gain["delta_ci"][0] > 0
    assert told["mean"]["delta"] == pytest.approx((gain["delta"] + told["pairs"]["th-fr"]["delta"]) / 2)
    assert (told["others"]["delta"], told["others"]["directions"]) == (0.0, 2)


def test_without_a_control_there_are_rounds_only(tmp_path: Path) -> None:
    inputs = {"round_1": round_folder(tmp_path / "r1", 1, True), "with": evaluation(tmp_path / "w", {"fr-th": 2})}
    (tmp_path / "out").mkdir()
    assert BacktranslationReportStage(BacktranslationReportConfig()).run(tmp_path / "out", inputs) == {"adopted": 1}
    told = json.loads((tmp_path / "out/backtranslation.json").read_text())
    assert told["pairs"] == {}
    assert len(told["rounds"]) == 1


def test_evaluations_without_common_messages_are_refused(tmp_path: Path) -> None:
    folders = {
        "round_1": round_folder(tmp_path / "r1", 1, True),
        "with": evaluation(tmp_path / "w", {"fr-th": 2}),
        "without": evaluation(tmp_path / "wo", {"en-fr": 2}),
    }
    with pytest.raises(InputError, match="no message was translated by both"):
        backtranslation_report(folders)
    with pytest.raises(InputError, match="not the outputs of an evaluation"):
        backtranslation_report({**folders, "with": tmp_path})
