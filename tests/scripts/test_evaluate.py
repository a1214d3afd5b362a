"""scripts/evaluate.py: a report from any model and test set, and one clear line for what is wrong."""

import json
from pathlib import Path

import pytest

from parley.config.command_line import run
from scripts.evaluate import Arguments, main
from tests.eval.tiny_model import save_tiny_model

ROWS = "en\tfr\tde\nAre you ready?\tTu es prêt ?\t\nGood game!\tBien joué !\t\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def testset(tmp_path: Path) -> Path:
    path = tmp_path / "test.tsv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int | str | None, str]:
    with pytest.raises(SystemExit) as stop:
        run(main, Arguments, argv=list(words))
    out, err = capsys.readouterr()
    return stop.value.code, out + err


def test_report_of_two_directions(
    model: Path, testset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = [f"model={model}", f"testset={testset}", f"out={out}", "bootstrap_samples=100", "device=cpu"]
    code, text = call(capsys, *words, "pairs=en-fr,fr-en", "system=tiny", "beam_size=2")
    assert code == 0
    assert "mean of 2 directions: chrF" in text
    report = json.loads((out / "report.json").read_text())
    assert report["pairs"].keys() == {"en-fr", "fr-en"}
    assert report["pairs"]["en-fr"]["n"] == 2
    assert report["systems"]["tiny"]["params"] > 0
    assert report["run"]["testset"] == str(testset)
    assert (out / "index.html").read_text().startswith("<!DOCTYPE html>")
    assert (out / "outputs.parquet").exists()


def test_a_model_beside_outputs_from_elsewhere(
    model: Path, testset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.tsv").write_text("pair\trow_id\thypothesis\nen-fr\t1\tTu es prêt ?\nen-fr\t2\tBien joué\n")
    (tmp_path / "systems.yaml").write_text(f"- {{name: other, path: {tmp_path / 'other.tsv'}}}\n")
    words = [f"model={model}", f"systems={tmp_path / 'systems.yaml'}", f"testset={testset}", f"out={tmp_path / 'out'}"]
    code, text = call(capsys, *words, "pairs=en-fr", "bootstrap_samples=100", "device=cpu", "auto_source_messages=1")
    assert code == 0
    assert "other: mean of 1 directions: chrF" in text
    report = json.loads((tmp_path / "out/report.json").read_text())
    systems = report["pairs"]["en-fr"]["systems"]
    assert systems["other"]["chrf"] > 90 > systems["model"]["chrf"]
    assert "other" not in report["speed"]
    assert report["run"]["systems"]["other"]["format"] == "outputs"


def test_killed_it_goes_on_with_what_is_missing(
    model: Path, testset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    words = [f"model={model}", f"testset={testset}", "device=cpu", "bootstrap_samples=100"]
    with monkeypatch.context() as patch:
        patch.setattr("eval.evaluation.stage.summarise", killed)
        with pytest.raises(SystemExit):
            run(main, Arguments, argv=[*words, f"out={tmp_path / 'out'}"])
    [part] = (tmp_path / "out/parts").glob("evaluation_*")
    shards = {path.name: path.stat().st_mtime_ns for path in (part / "shards").iterdir()}
    assert shards.keys() == {"en", "fr"}
    with monkeypatch.context() as patch:
        patch.setattr("eval.evaluation.stage.translate_shard", killed)  # nothing is left to translate
        assert call(capsys, *words, f"out={tmp_path / 'out'}")[0] == 0
    assert call(capsys, *words, f"out={tmp_path / 'whole'}")[0] == 0
    assert not (tmp_path / "out/parts").exists()
    for name in ("outputs.parquet", "message_scores.parquet"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pairs=en-es"], "pair en-es needs column 'es'; columns are en, fr, de"),
        (["pairs=en-de"], "pair en-de has no row with both cells filled"),
        (["pairs=en-xx"], "'en-xx' is not a direction"),
        (["testset=missing.parquet"], "missing.parquet: no such file"),
        (["model=nowhere"], "nowhere: not a model folder"),
        (["model="], "missing: model=... or systems=..."),
        (["format=onnx"], "format=onnx; choose auto, parley"),
        (["systems=nowhere.yaml"], "nowhere.yaml: not readable as YAML"),
        (["device=tpu"], "device=tpu: choose auto, cpu or cuda"),
        (["beam_size=0"], "beam_size is 0"),
        (["pair=en-fr"], "unknown key 'pair'; did you mean pairs"),
    ],
)
def test_what_is_wrong_is_one_line(
    words: list[str],
    message: str,
    model: Path,
    testset: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = {"model": str(model), "testset": str(testset), "out": str(tmp_path / "out")}
    given |= dict(word.split("=") for word in words)
    code, text = call(capsys, *(f"{key}={value}" for key, value in given.items()))
    assert code == 1
    assert text.startswith("error: ")
    assert message in text
    assert text.count("\n") == 1
    assert not (tmp_path / "out").exists()
