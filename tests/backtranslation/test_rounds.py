"""Rounds on a toy corpus: trained on, judged, adopted or not; the control; what a killed round goes on with."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from backtranslation import rounds
from backtranslation.config import AdoptionConfig
from backtranslation.report import backtranslation_report
from backtranslation.round_folder import ROUND, read_round, stopped
from backtranslation.rounds import (
    ContinuedConfig,
    ControlStage,
    RoundConfig,
    RoundStage,
    WithoutConfig,
    WithoutStage,
)
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from tests.backtranslation.toy_candidates import candidates, synthetic_folder
from tests.training.toy_corpus import make_inputs
from training.batches.encoded import EncodedCorpus
from training.batches.one_way import SYNTHETIC, one_way_rows
from training.batches.stream import BatchingConfig
from training.loop.config import TrainingConfig
from training.model.teacher_config import TeacherConfig
from training.teacher import TeacherStage, TeacherStageConfig

TRAINING = TrainingConfig(
    max_updates=4,
    update_tokens=300,
    warmup_updates=1,
    schedule="wsd",
    ema_decay=0.5,
    device="cpu",
    precision="fp32",
    dev_messages=4,
)
BATCHING = BatchingConfig(batch_tokens=300, max_length=64)
CONTINUED = ContinuedConfig(1, TRAINING, BATCHING)
ADOPTION = AdoptionConfig(dev_messages=6)
CONFIG = RoundConfig(CONTINUED, 0.5, ADOPTION, seed=1)
ALWAYS = replace(CONFIG, adoption=replace(ADOPTION, always=True))


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.batches.stream.CHUNK_BATCHES", 4)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Corpus, tokenizer, encoded, a barely trained teacher as `model`, and accepted candidates."""
    root = tmp_path_factory.mktemp("rounds")
    folders = make_inputs(root)
    model = TeacherConfig(depth=1, d_model=32, num_experts=4, moe_every=1)
    TeacherStage(TeacherStageConfig(model, TRAINING, BATCHING)).run(root / "teacher", folders)
    synthetic = synthetic_folder(root / "synthetic", candidates(40))
    return {**folders, "model": root / "teacher", "synthetic": synthetic}


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_an_adopted_round_is_a_model_with_its_facts(inputs: dict[str, Path], tmp_path: Path) -> None:
    facts = RoundStage(ALWAYS, name="round_1").run(tmp_path, inputs)
    told = read_round(tmp_path)
    assert told["adopted"] is True
    assert told["compared_with"] == "earlier model"
    assert weights(tmp_path) != weights(inputs["model"])
    assert {"config.json", "tokenizer.json", "routing.json", "training_log.jsonl"} <= {
        p.name for p in tmp_path.iterdir()
    }
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [SYNTHETIC], "nothing of the work is left"
    assert set(one_way_rows(EncodedCorpus.open(tmp_path / SYNTHETIC))) == {"fr-th", "th-fr"}
    pair = told["pairs"]["fr-th"]
    assert (pair["candidates"], pair["accepted"], pair["accepted_share"]) == (80, 80, 1.0)
    assert (sum(pair["histogram"]), len(pair["histogram"])) == (80, len(told["histogram_edges"]) - 1)
    assert {"before", "reference", "after", "delta", "delta_ci"} <= pair.keys()
    ratio = told["ratio"]
    assert pair["shown"] == ratio["synthetic"] > 0
    assert ratio["used"] == pytest.approx(ratio["synthetic"] / ratio["human"])
    assert ratio["used"] == pytest.approx(ratio["wanted"], rel=0.35)  # some fifty messages
    assert told["training"]["updates"] == facts["training"]["updates"] == TRAINING.max_updates


def test_a_round_that_is_not_adopted_hands_the_earlier_model_on(inputs: dict[str, Path], tmp_path: Path) -> None:
    strict = replace(CONFIG, ratio=0.0)  # learns nothing of the pair
    first, second = tmp_path / "first", tmp_path / "second"
    strict = replace(strict, continued=replace(CONTINUED, training=replace(TRAINING, learning_rate=1e-9)))
    facts = RoundStage(strict, name="round_1").run(first, inputs)
    assert not facts["adopted"]
    assert "no gain beyond the interval" in facts["reason"]
    assert stopped(first)
    assert weights(first) == weights(inputs["model"])
    assert (first / "model.safetensors").samefile(inputs["model"] / "model.safetensors"), "a link, not a copy"
    assert (first / "rejected_training_log.jsonl").is_file()
    later = RoundStage(replace(CONFIG, continued=replace(CONTINUED, round=2)), name="round_2")
    assert later.run(second, {**inputs, "model": first})["skipped"]
    assert weights(second) == weights(first)
    assert "round 1 was not adopted" in read_round(second)["reason"]
    assert not (first / SYNTHETIC).exists(), "the model that is handed on has not seen them"
    assert not (second / "training_log.jsonl").samefile(first / "rejected_training_log.jsonl")


def test_only_the_first_process_hands_a_model_on(
    inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    rejected = tmp_path / "round_1"
    rejected.mkdir()
    write_json(rejected / ROUND, {"round": 1, "adopted": False})
    RoundStage(CONFIG, name="round_2").run(tmp_path / "round_2", {**inputs, "model": rejected})
    ControlStage(CONTINUED, name="control_2").run(tmp_path / "control_2", {**inputs, "round": rejected})
    assert [path.name for path in tmp_path.iterdir()] == ["round_1"]


def test_the_control_has_the_same_updates_and_no_synthetic_row(inputs: dict[str, Path], tmp_path: Path) -> None:
    control = ControlStage(CONTINUED, name="control_1").run(tmp_path / "control", inputs)
    assert control["updates"] == TRAINING.max_updates
    assert control["messages"]["synthetic"] == {}
    assert weights(tmp_path / "control") != weights(inputs["model"])
    facts = RoundStage(ALWAYS, name="round_1").run(tmp_path / "round", {**inputs, "control": tmp_path / "control"})
    assert facts["training"]["updates"] == control["updates"]
    assert read_round(tmp_path / "round")["compared_with"] == "control"
    assert (tmp_path / "round/dev_control.parquet").is_file()


def test_training_goes_on_from_the_model_and_its_routing(inputs: dict[str, Path], tmp_path: Path) -> None:
    still = replace(CONTINUED, training=replace(TRAINING, learning_rate=1e-12, max_updates=1))
    ControlStage(still).run(tmp_path, inputs)
    before, after = load_file(inputs["model"] / "model.safetensors"), load_file(tmp_path / "model.safetensors")
    biases = [name for name in before if name.endswith("bias_E")]
    assert biases
    assert any(before[name].abs().sum() > 0 for name in biases)
    for name, value in before.items():
        allowed = 0.01 if name in biases else 1e-6  # balancing moves the biases by steps of its own
        assert (after[name] - value).abs().max() <= allowed, name


def test_the_comparison_has_as_many_updates_as_the_final_model(tmp_path: Path) -> None:
    folders = {}
    for name, adopted in (
        ("teacher", None),
        ("control_1", None),
        ("control_2", None),
        ("round_1", True),
        ("round_2", False),
    ):
        folders[name] = tmp_path / name
        folders[name].mkdir()
        (folders[name] / "config.json").write_text(name)
        if adopted is not None:
            (folders[name] / "round.json").write_text(json.dumps({"adopted": adopted, "round": 1}))
    assert WithoutStage(WithoutConfig()).run(tmp_path / "a", folders) == {"model": "control_1", "adopted_rounds": 1}
    assert (tmp_path / "a/config.json").read_text() == "control_1"
    (folders["round_1"] / "round.json").write_text(json.dumps({"adopted": False, "round": 1}))
    assert WithoutStage(WithoutConfig()).run(tmp_path / "b", folders) == {"model": "teacher", "adopted_rounds": 0}
    assert backtranslation_report(folders)["adopted"] == 0


@pytest.mark.parametrize("step", ["_judge", "_settle"])
def test_a_killed_round_trains_once(
    step: str, inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []
    train: Callable[..., Any] = rounds.train_teacher

    def counting(*arguments: Any, **more: Any) -> None:
        trained.append("once")
        train(*arguments, **more)

    monkeypatch.setattr(rounds, "train_teacher", counting)
    kept = getattr(RoundStage, step)
    monkeypatch.setattr(RoundStage, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        RoundStage(ALWAYS).run(tmp_path, inputs)
    monkeypatch.setattr(RoundStage, step, kept)
    assert RoundStage(ALWAYS).run(tmp_path, inputs)["adopted"]
    assert trained == ["once"]
    assert not (tmp_path / "trained").exists()


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_model_of_another_kind_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a model folder"):
        ControlStage(CONTINUED).run(tmp_path / "out", {**inputs, "model": inputs["corpus"]})
