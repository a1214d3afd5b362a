"""An engine from outside: registered once, it is exported for, runs, and is a system of the evaluation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from distillation.config import ExportConfig
from distillation.engines.registry import ENGINES, SpecialIds, StudentEngine, TrainedStudent, engine_named
from distillation.export.stage import ExportStage
from distillation.runtime.engine import EncodedMessage, Request
from distillation.runtime.student_runtime import StudentRuntime
from distillation.shortlist_stage import ShortlistsConfig, ShortlistsStage
from distillation.shortlists import Shortlists
from distillation.stages import open_export
from eval.config import EvaluationConfig
from eval.evaluation.stage import EvaluationStage
from eval.report.contents import run_report
from parley.pipeline.errors import InputError
from parley.pipeline.manifest import write_manifest
from tests.distillation.models import tiny_student
from tests.eval.stage_folders import manifest
from tests.training.toy_corpus import make_inputs
from training.tokenizer import load_tokenizer


class Echo:
    """Says what it was told."""

    def encode(self, sources: Sequence[Sequence[int]]) -> list[EncodedMessage]:
        return [EncodedMessage(tuple(source)) for source in sources]

    def decode(self, requests: Sequence[Request], shortlists: Shortlists | None) -> list[list[int]]:
        return [list(request.message.tokens[1:-1][: request.limit]) for request in requests]


class EchoEngine(StudentEngine):
    weights = "none"

    def write(self, student: TrainedStudent, out: Path) -> None:
        out.mkdir()
        (out / "echo.txt").write_text("echo")

    def load(self, form: Path, ids: SpecialIds, threads: int) -> Echo:
        assert (form / "echo.txt").is_file()
        return Echo()


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> str:
    ENGINES.names()  # those of the package first
    monkeypatch.setattr(ENGINES, "_entries", dict(ENGINES._entries))
    ENGINES.register("echo")(EchoEngine)
    return "echo"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("toy")
    folders = make_inputs(root, rows=120)
    tokenizer = load_tokenizer(folders["tokenizer"])
    tiny_student(len(tokenizer)).save_pretrained(root / "student")
    tokenizer.save_pretrained(str(root / "student"))
    ShortlistsStage(ShortlistsConfig()).run(root / "shortlists", folders)
    return {**folders, "student": root / "student", "shortlists": root / "shortlists"}


def test_an_engine_from_outside_is_exported_for_runs_and_is_evaluated(
    inputs: dict[str, Path], tmp_path: Path, echo: str
) -> None:
    export = tmp_path / "export"
    stage = ExportStage(ExportConfig(engines=[echo, "torch"]))
    stage.check()
    facts = stage.run(export, inputs)
    assert list(facts["forms"]) == ["echo", "torch"]
    assert facts["forms"]["torch"]["parity"]["same"] == facts["forms"]["torch"]["parity"]["messages"]
    assert StudentRuntime.load(export).translate(["go now"], "fr", "en") == ["go now"]  # the first one is shipped
    assert StudentRuntime.load(export, "torch", guarded=False).translate(["go now"], "fr", "en") != ["go now"]
    config = EvaluationConfig(latency_messages=2)
    evaluation = EvaluationStage(config, system="student_int8", form=echo, opens=open_export)
    folder = tmp_path / "evaluation"
    facts = evaluation.run(folder, {"corpus": inputs["corpus"], "model": export})
    write_manifest(folder, manifest("evaluation", {"seed": 1}, facts))
    report: dict[str, Any] = run_report({"evaluation_student_int8": folder})
    assert report["quantization"]["student_int8"]["engine"] == "echo"
    assert report["quantization"]["student_int8"]["weights"] == "none"
    assert report["mean"]["student_int8"]


def test_a_student_without_an_export_runs_on_torch(inputs: dict[str, Path]) -> None:
    assert len(StudentRuntime.load(inputs["student"]).translate(["go now", "help"], "fr")) == 2


def test_wrong_engines_are_one_clear_line(inputs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="unknown engine 'onx'; choose onnx"):
        ExportStage(ExportConfig(engines=["onx"])).check()
    with pytest.raises(InputError, match=r"export\.engines=\[\]: name one or more"):
        ExportConfig(engines=[])
    monkeypatch.setattr(ENGINES["onnx"], "packages", ("no_such_package",))
    with pytest.raises(
        InputError, match=r"engine onnx needs the package no_such_package: pip install 'parley\[onnx\]'"
    ):
        engine_named("onnx").check()
