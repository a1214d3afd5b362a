"""The teacher stage: learns a cipher, resumes, leaves a folder that loads, and measures its routing."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from parley.pipeline.errors import InputError
from tests.training.toy_corpus import make_inputs
from training.batches.encoded import EncodedCorpus
from training.batches.stream import BatchingConfig, BatchStream
from training.loop.config import TrainingConfig
from training.loop.log import read_log
from training.model.loading import Translator
from training.model.teacher_config import TeacherConfig
from training.routing import mutual_information
from training.teacher import TeacherStage, TeacherStageConfig, build_teacher, train_teacher, warm_up_embedding
from training.tokenizer import load_tokenizer

TRAINING = TrainingConfig(
    max_updates=120,
    update_tokens=600,
    learning_rate=5e-3,
    warmup_updates=30,
    schedule="wsd",
    validate_every=60,
    ema_decay=0.95,
    device="cpu",
    log_every=25,
    dev_messages=12,
)
CONFIG = TeacherStageConfig(
    TeacherConfig(depth=2, d_model=64, num_experts=4, dropout=0.0, label_smoothing=0.0),
    TRAINING,
    BatchingConfig(batch_tokens=600, max_length=64, auto_source_probability=0.2),
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_inputs(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def trained(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("teacher")
    return out, TeacherStage(CONFIG).run(out, inputs)


@pytest.mark.slow
def test_learns_and_logs(trained: tuple[Path, dict[str, Any]]) -> None:
    out, facts = trained
    scores = read_log(out / "training_log.jsonl", "validation")
    assert scores[-1]["dev/loss"] < scores[0]["dev/loss"]
    assert scores[-1]["dev/accuracy"] > 0.6
    assert {"dev/chrf", "dev/off_target", "dev/loss/withheld", "dev/loss/from_en", "dev/chrf/fr-th"} <= scores[
        -1
    ].keys()
    line = read_log(out / "training_log.jsonl", "train")[-1]
    assert {"loss", "nll", "z_loss", "detection_accuracy", "tokens_per_second", "lr"} <= line.keys()
    assert sum(line["expert_load"]["encoder.1"]) == pytest.approx(1, abs=1e-3)
    assert facts["updates"] == 120
    assert 0 < facts["active_params"] < facts["params"]


@pytest.mark.slow
def test_the_folder_is_a_model(trained: tuple[Path, dict[str, Any]]) -> None:
    out, _ = trained
    translator = Translator.load(out)
    assert len(translator.translate(["go now", "help team"], "fr", "en")) == 2
    files = {path.name for path in out.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "training_log.jsonl", "routing.json"} <= files
    assert not {"checkpoints", "best"} & files
    assert not [path for path in out.rglob("*") if path.suffix in (".bin", ".pt", ".pkl", ".pth")]


@pytest.mark.slow
def test_routing_is_measured(trained: tuple[Path, dict[str, Any]]) -> None:
    routing = json.loads((trained[0] / "routing.json").read_text())
    assert routing["languages"] == ["en", "fr", "th"]
    for shares in routing["experts_by_language"].values():
        assert np.array(shares).sum(1) == pytest.approx(np.ones(3), abs=1e-3)
    information = routing["mutual_information"]
    assert all(
        0 <= information["family"][layer] <= information["language"][layer] + 1e-9 for layer in information["family"]
    )


@pytest.mark.slow
def test_an_interrupted_training_gives_the_same_model(inputs: dict[str, Path], tmp_path: Path) -> None:
    short = replace(TRAINING, max_updates=20, validate_every=8, log_every=1, warmup_updates=5, schedule="constant")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    TeacherStage(replace(CONFIG, training=short)).run(whole, inputs)
    stage = TeacherStage(replace(CONFIG, training=replace(short, validate_every=7)))
    with pytest.raises(KeyboardInterrupt):
        _interrupted(stage, 19).run(parts, inputs)
    assert (parts / "checkpoints").is_dir()
    facts = TeacherStage(replace(CONFIG, training=replace(short, validate_every=7))).run(parts, inputs)
    assert facts["resumed_from"] == 14
    losses = [[x["loss"] for x in read_log(out / "training_log.jsonl", "train")] for out in (whole, parts)]
    assert losses[0] == losses[1]


def _interrupted(stage: TeacherStage, update: int) -> TeacherStage:
    """The stage, stopped as by Ctrl-C during an update; the next stage runs as usual."""
    from training import teacher

    class Stopping(teacher.TeacherTask):
        updates = 0

        def after_update(self) -> None:
            self.updates += 1
            if self.updates == update:
                teacher.TeacherTask = teacher_task  # type: ignore[misc]
                raise KeyboardInterrupt
            super().after_update()

    teacher_task, teacher.TeacherTask = teacher.TeacherTask, Stopping  # type: ignore[misc]
    return stage


@pytest.mark.slow
@pytest.mark.parametrize("left", [".update-00000007.tmp", ".update-00000007.old.tmp"])
def test_killed_before_the_first_checkpoint_is_whole(inputs: dict[str, Path], tmp_path: Path, left: str) -> None:
    """The embedding is warmed up in the second attempt as in the first: the same weights."""
    short = replace(TRAINING, max_updates=8, validate_every=0, log_every=1)
    stage = TeacherStage(replace(CONFIG, training=short, model=replace(CONFIG.model, warm_start_updates=20)))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    (killed / "checkpoints" / left).mkdir(parents=True)
    for out in (whole, killed):
        stage.run(out, inputs)
    weights = [(out / "model.safetensors").read_bytes() for out in (whole, killed)]
    assert weights[0] == weights[1]


def test_another_vocabulary_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    other = make_inputs(tmp_path / "other", ("en", "de", "ja", "ko"))
    with pytest.raises(InputError, match="another vocabulary"):
        TeacherStage(CONFIG).run(tmp_path / "out", {**inputs, "tokenizer": other["tokenizer"]})


def test_the_model_is_begun_with_the_wanted_threads(inputs: dict[str, Path], tmp_path: Path) -> None:
    before, seen = torch.get_num_threads(), []

    def start(_: Any) -> Any:
        seen.append(torch.get_num_threads())
        raise KeyboardInterrupt

    config = replace(CONFIG, training=replace(TRAINING, threads=before + 1))
    try:
        with pytest.raises(KeyboardInterrupt):
            train_teacher(tmp_path, inputs, start, config)
    finally:
        torch.set_num_threads(before)
    assert seen == [before + 1]


def test_the_warm_start_moves_the_embedding_and_says_its_loss(
    inputs: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(CONFIG, model=replace(CONFIG.model, warm_start_updates=3))
    model = build_teacher(config.model, load_tokenizer(inputs["tokenizer"]), 1)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with caplog.at_level("INFO"):
        warm_up_embedding(model, inputs["encoded"], config)
    assert re.search(r"words aligned in 3 updates, contrastive loss \d+\.\d+ nats", caplog.text)
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert "shared.weight" in moved
    assert {name.rpartition(".")[0].rpartition(".")[2] for name in moved} <= {"shared", "embedding", "lm_head"}


def test_mutual_information_of_known_tables() -> None:
    apart = np.array([[1.0, 0, 0], [1.0, 0, 0], [0, 1, 0], [0, 0.0, 1]])
    assert mutual_information(apart, ["a", "a", "b", "b"]) == pytest.approx(1.0)
    assert mutual_information(np.full((4, 3), 1 / 3), ["a", "a", "b", "b"]) == pytest.approx(0.0)
    assert mutual_information(apart, ["a", "b", "c", "d"]) == pytest.approx(1.5)


def test_losses_of_halves_add_up(inputs: dict[str, Path]) -> None:
    """Cross-entropy to rounding; the detector's mean over messages counts by the tokens of its half."""
    encoded = EncodedCorpus.open(inputs["encoded"])
    model = build_teacher(CONFIG.model, load_tokenizer(inputs["tokenizer"]), 1)
    batch = next(iter(BatchStream(encoded, CONFIG.batching)))
    parts = (batch, *batch.halves())
    with torch.no_grad():
        outputs = [model(**part.model_inputs()) for part in parts]
    nats = [float(output.metrics["nll"]) * part.target_tokens for part, output in zip(parts, outputs, strict=True)]
    assert nats[0] == pytest.approx(sum(nats[1:]), rel=1e-5)
    losses = [float(output.loss_sum) for output in outputs]
    assert losses[0] == pytest.approx(sum(losses[1:]), rel=1e-3)
