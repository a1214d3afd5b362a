import json
from pathlib import Path

import pytest

from parley.pipeline.errors import InputError
from qe_model.annotations.store import read_split
from qe_model.training_stages import QEStage
from tests.qe_model.tiny_qe import make_world, tiny_config, training, write_data


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("qe")
    return {**make_world(root / "world"), "qe_data": write_data(root / "data", 60, 20, 20)}


def losses(folder: Path) -> list[tuple[int, float]]:
    lines = map(json.loads, (folder / "training_log.jsonl").read_text().splitlines())
    return [(line["update"], line["loss"]) for line in lines if line["kind"] == "train"]


def test_a_killed_training_goes_on_exactly(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.loop.trainer import Trainer

    settings = training(12, log_every=2, checkpoint_every=4)
    QEStage(tiny_config(training=settings)).run(tmp_path / "whole", folders)
    update, done = Trainer._update, []

    def killed(self, batches):  # type: ignore[no-untyped-def]
        done.append(1)
        if len(done) == 8:
            raise KeyboardInterrupt
        return update(self, batches)

    monkeypatch.setattr(Trainer, "_update", killed)
    with pytest.raises(KeyboardInterrupt):
        QEStage(tiny_config(training=settings)).run(tmp_path / "cut", folders)
    monkeypatch.setattr(Trainer, "_update", update)
    facts = QEStage(tiny_config(training=settings)).run(tmp_path / "cut", folders)
    assert facts["resumed_from"] == 4
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")


def test_a_finished_stage_is_not_trained_again(folders: dict[str, Path], tmp_path: Path) -> None:
    first = QEStage(tiny_config(3)).run(tmp_path, folders)
    assert QEStage(tiny_config(3)).run(tmp_path, {}) == first


def test_a_split_without_annotations_is_named(folders: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="split 'nowhere'"):
        read_split(folders["qe_data"], "nowhere")
