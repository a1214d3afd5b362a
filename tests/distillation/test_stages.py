"""The stages from teacher to student at toy size: cached, on line; resumed; the control."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import M2M100ForConditionalGeneration

from distillation.config import (
    DistillationConfig,
    ExportConfig,
    ObjectiveConfig,
    SequenceTargetsConfig,
    StudentConfig,
    TokenTargetsConfig,
)
from distillation.runtime.student_runtime import StudentRuntime
from distillation.stages import distillation_stages
from distillation.targets.token_targets import wanted_labels
from parley.pipeline.errors import InputError
from parley.pipeline.fingerprint import Digests, fingerprints
from parley.pipeline.stage import Stage
from tests.distillation.toy_teacher import save_teacher, toy_inputs
from tests.training.toy_corpus import make_inputs
from training.batches.stream import BatchingConfig
from training.loop.config import BUDGETS, TrackingConfig, TrainingConfig
from training.loop.log import read_log
from training.model.loading import Translator

TRAINING = TrainingConfig(
    max_updates=16, update_tokens=300, learning_rate=5e-3, warmup_updates=4, validate_every=8, ema_decay=0.9,
    device="cpu", log_every=1, dev_messages=4,
)  # fmt: skip
BATCHING = BatchingConfig(batch_tokens=300, max_length=64)
STUDENT = StudentConfig(d_model=16, encoder_layers=2, decoder_layers=1, ffn_dim=32, dropout=0.0)
DISTILLATION = DistillationConfig(
    ObjectiveConfig(alpha=0.9, final_alpha=0.5, alpha_updates=8),
    TokenTargetsConfig(top_k=4),
    SequenceTargetsConfig(messages=6, beam_size=2),
    control=True,
)


class Folder(Stage[str]):
    """A finished input."""

    name = "folder"

    def run(self, out: Path, inputs: Any) -> dict[str, Any]:
        return {}


def stages(
    distillation: DistillationConfig = DISTILLATION,
    training: TrainingConfig = TRAINING,
    student: StudentConfig = STUDENT,
) -> dict[str, Stage[Any]]:
    inputs = {name: Folder(name, name=name) for name in ("corpus", "tokenizer", "encoded", "teacher")}
    if distillation.enabled:
        distillation = replace(distillation, training={name: getattr(training, name) for name in BUDGETS})
    made = distillation_stages(student, distillation, training, BATCHING, TrackingConfig(), inputs)
    return {stage.name: stage for stage in made.all}


def learning(made: dict[str, Stage[Any]]) -> dict[str, Stage[Any]]:
    """Up to the student, without its control and exports."""
    return {name: stage for name, stage in made.items() if name.endswith("targets") or name == "student"}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return toy_inputs(tmp_path_factory.mktemp("toy"))


def run(made: dict[str, Stage[Any]], inputs: dict[str, Path], root: Path) -> dict[str, dict[str, Any]]:
    """Run the stages, each with the folders of its inputs."""
    folders, facts = dict(inputs), {}
    for name, stage in made.items():
        folders[name] = root / name
        facts[name] = stage.run(folders[name], {source: folders[source] for source in stage.inputs})
    return facts


def test_from_teacher_to_student(inputs: dict[str, Path], tmp_path: Path) -> None:
    for package in ("onnx", "onnxruntime", "ctranslate2"):
        pytest.importorskip(package, reason=f"{package} is not installed: extras [onnx] and [ctranslate2]")
    facts = run(stages(student=replace(STUDENT, start="random")), inputs, tmp_path)
    trained = ["sequence_targets", "token_targets", "student", "student_no_kd"]
    assert list(facts) == [*trained, "shortlists", "student_export"]
    assert set(facts["student_export"]["forms"]) == {"onnx", "ctranslate2"}
    exported = StudentRuntime.load(tmp_path / "student_export", "onnx")
    assert len(exported.translate(["go now", "help team"], "fr", "en")) == 2
    heard = Translator.load(inputs["teacher"]).detect(["go now", "help team"])
    for found in (exported, Translator.load(tmp_path / "student")):
        assert [one.code for one in found.detect(["go now", "help team"])] == [one.code for one in heard]
    with pytest.raises(InputError, match="M2M100ForConditionalGeneration does not detect"):
        Translator.load(tmp_path / "student_no_kd").detect(["go now"])
    assert facts["student"]["params"] == facts["student_no_kd"]["params"]
    assert facts["student"]["updates"] == facts["student_no_kd"]["updates"] == 16
    lines = read_log(tmp_path / "student" / "training_log.jsonl", "train")
    assert lines[0]["alpha"] == pytest.approx(0.9)
    assert lines[-1]["alpha"] == pytest.approx(0.5)
    assert sum(line["nll"] for line in lines[-4:]) < sum(line["nll"] for line in lines[:4])
    assert all(line["kl"] >= 0 for line in lines)
    assert "kl" not in read_log(tmp_path / "student_no_kd" / "training_log.jsonl", "train")[0]
    translator = Translator.load(tmp_path / "student")
    assert type(translator.model) is M2M100ForConditionalGeneration
    assert len(translator.translate(["go now", "help team"], "fr", "en")) == 2
    config = json.loads((tmp_path / "student" / "config.json").read_text())
    assert config["architectures"] == ["M2M100ForConditionalGeneration"]
    assert config.get("decoder_start_token_id") is None
    assert "auto_map" not in config


@pytest.mark.parametrize(
    "objective",
    [ObjectiveConfig(), ObjectiveConfig(temperature=2.0)],
    ids=["plain", "temperature"],
)
@pytest.mark.parametrize("width", [16, 32])
def test_on_line(inputs: dict[str, Path], tmp_path: Path, objective: ObjectiveConfig, width: int) -> None:
    tokens = TokenTargetsConfig(mode="online", top_k=4)
    training = replace(TRAINING, max_updates=4, validate_every=4)
    made = learning(stages(DistillationConfig(objective, tokens), training, replace(STUDENT, d_model=width)))
    assert list(made) == ["student"]
    run(made, inputs, tmp_path)
    line = read_log(tmp_path / "student" / "training_log.jsonl", "train")[-1]
    assert line["kl"] > -10
    saved = M2M100ForConditionalGeneration.from_pretrained(tmp_path / "student")
    assert saved.config.d_model == width


def test_cached_and_on_line_targets_train_alike(inputs: dict[str, Path], tmp_path: Path) -> None:
    training = replace(TRAINING, max_updates=6, precision="fp32", validate_every=6)
    losses = []
    for mode in ("cached", "online"):
        made = stages(DistillationConfig(ObjectiveConfig(), TokenTargetsConfig(mode=mode, top_k=4)), training)
        run(learning(made), inputs, tmp_path / mode)
        losses.append([x["loss"] for x in read_log(tmp_path / mode / "student" / "training_log.jsonl", "train")])
    assert losses[0] == pytest.approx(losses[1], rel=2e-3)


def test_an_interrupted_training_gives_the_same_student(inputs: dict[str, Path], tmp_path: Path) -> None:
    training = replace(TRAINING, checkpoint_every=5, validate_every=0)
    folders = {}
    for name in ("whole", "parts"):
        made = learning(stages(training=training))
        if name == "parts":
            student = made.pop("student")
            run(made, inputs, tmp_path / name)
            folders = {**inputs, **{other: tmp_path / name / other for other in made}}
            chosen = {source: folders[source] for source in student.inputs}
            with pytest.raises(KeyboardInterrupt):
                _interrupted(student, 12).run(tmp_path / name / "student", chosen)
            facts = student.run(tmp_path / name / "student", chosen)
            assert facts["resumed_from"] == 10
        else:
            run(made, inputs, tmp_path / name)
    logs = [read_log(tmp_path / name / "student" / "training_log.jsonl", "train") for name in ("whole", "parts")]
    assert [x["loss"] for x in logs[0]] == [x["loss"] for x in logs[1]]
    assert [x["alpha"] for x in logs[0]] == [x["alpha"] for x in logs[1]]


def _interrupted(stage: Stage[Any], update: int) -> Stage[Any]:
    """The stage, stopped as by Ctrl-C during an update; the next run is as usual."""
    from distillation.student import training_task

    original = training_task.StudentTask.after_update
    calls = 0

    def stopping(self: training_task.StudentTask) -> None:
        nonlocal calls
        calls += 1
        if calls == update:
            training_task.StudentTask.after_update = original  # type: ignore[method-assign]
            raise KeyboardInterrupt
        original(self)

    training_task.StudentTask.after_update = stopping  # type: ignore[method-assign]
    return stage


def test_another_vocabulary_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    other = make_inputs(tmp_path / "other", ("en", "de", "ja"))
    foreign = save_teacher(tmp_path / "teacher", other["tokenizer"])
    made = stages(DistillationConfig(tokens=TokenTargetsConfig(mode="online")))
    with pytest.raises(InputError, match="another vocabulary"):
        made["student"].run(tmp_path / "out", {**inputs, "teacher": foreign})


def test_a_budget_in_minutes_alone_needs_a_number_of_tokens() -> None:
    minutes = replace(TRAINING, max_updates=0, max_minutes=5.0)
    with pytest.raises(InputError, match=r"distillation\.tokens\.tokens"):
        wanted_labels(TokenTargetsConfig(), ObjectiveConfig(), minutes, BATCHING)
    assert wanted_labels(TokenTargetsConfig(tokens=7), ObjectiveConfig(), minutes, BATCHING) == 7
    assert wanted_labels(TokenTargetsConfig(), ObjectiveConfig(), TRAINING, BATCHING) == 16 * 599
    falling = ObjectiveConfig(final_alpha=0.0, alpha_updates=4)
    assert wanted_labels(TokenTargetsConfig(), falling, TRAINING, BATCHING) == 4 * 599
    assert wanted_labels(TokenTargetsConfig(), ObjectiveConfig(), replace(TRAINING, max_tokens=50), BATCHING) == 50


def test_what_comes_after_training_does_not_train_again(tmp_path: Path) -> None:
    def prints(distillation: DistillationConfig) -> dict[str, str]:
        found = fingerprints(stages(distillation).values(), Digests(tmp_path / "digests.sqlite"))
        return {stage.name: value for stage, value in found.items()}

    before = prints(DISTILLATION)
    after = prints(replace(DISTILLATION, export=ExportConfig(["ctranslate2"])))
    assert {name for name, value in after.items() if before[name] != value} == {"student_export"}
    changed = prints(replace(DISTILLATION, objective=replace(DISTILLATION.objective, alpha=0.1)))
    assert {name for name, value in changed.items() if before[name] != value} == {"student", "student_export"}


def test_goes_on_from_a_trained_student(inputs: dict[str, Path], tmp_path: Path) -> None:
    tokens = TokenTargetsConfig(mode="online", top_k=4)
    training = replace(TRAINING, max_updates=4, validate_every=4)
    run(learning(stages(DistillationConfig(tokens=tokens), training)), inputs, tmp_path / "first")
    again = replace(STUDENT, start=str(tmp_path / "first" / "student"))
    made = learning(stages(DistillationConfig(tokens=tokens), training, again))
    facts = run(made, inputs, tmp_path / "second")
    first = json.loads((tmp_path / "first" / "student" / "result.json").read_text())["metrics"]["dev/loss"]
    assert facts["student"]["metrics"]["dev/loss"] == pytest.approx(first, abs=0.5)
    wrong = learning(stages(DistillationConfig(tokens=tokens), training, replace(again, decoder_layers=2)))
    with pytest.raises(InputError, match=r"start=.*another size"):
        run(wrong, inputs, tmp_path / "third")
