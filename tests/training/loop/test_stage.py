"""What all training stages share, on the toy task: a finished one is not trained again, a killed one goes on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from parley.pipeline.errors import InputError
from tests.training.toy_task import ToyTask, toy_trainer
from training.loop.config import TrackingConfig
from training.loop.stage import UNFINISHED, TrainedStage, finish, is_trained, save_model, write_result


@dataclass(frozen=True)
class ToyConfig:
    """A budget, and an update in which the user loses patience."""

    updates: int = 6
    stopped_at: int = 0
    tracking: TrackingConfig = field(default_factory=TrackingConfig)


class StoppingTask(ToyTask):
    """The toy task, stopped as by Ctrl-C in an update; 0 never stops."""

    def __init__(self, stopped_at: int) -> None:
        super().__init__()
        self.updates, self.stopped_at = 0, stopped_at

    def after_update(self) -> None:
        self.updates += 1
        if self.updates == self.stopped_at:
            raise KeyboardInterrupt


class ToyStage(TrainedStage[ToyConfig]):
    """Trains the toy task, beside a folder of trials."""

    name = "toy"
    unfinished: ClassVar[tuple[str, ...]] = (*UNFINISHED, "trials")

    def train(self, out: Path, inputs: Mapping[str, Path]) -> None:
        (out / "trials").mkdir(parents=True, exist_ok=True)
        task = StoppingTask(self.config.stopped_at)
        trainer = toy_trainer(out, task, max_updates=self.config.updates, checkpoint_every=2, validate_every=0)
        write_result(out, asdict(trainer.train()))


def test_a_killed_training_goes_on_and_tidies_up(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        ToyStage(ToyConfig(stopped_at=5)).run(tmp_path, {})
    assert (tmp_path / "checkpoints").is_dir()
    assert not is_trained(tmp_path)
    facts = ToyStage(ToyConfig()).run(tmp_path, {})
    assert (facts["updates"], facts["resumed_from"]) == (6, 4)
    assert {path.name for path in tmp_path.iterdir()} == {"result.json", "training_log.jsonl"}


def test_a_training_killed_while_it_tidied_up_is_over(tmp_path: Path) -> None:
    write_result(tmp_path, {"updates": 3})
    for name in (*UNFINISHED, "trials"):
        (tmp_path / name).mkdir()
    assert finish(tmp_path) == {"updates": 3}
    assert {path.name for path in tmp_path.iterdir()} == {"result.json", "trials"}
    assert ToyStage(ToyConfig()).run(tmp_path, {}) == {"updates": 3}
    assert {path.name for path in tmp_path.iterdir()} == {"result.json"}


class RenamedStage(ToyStage):
    """Its folder is finished by the first process before this one has come back from the training."""

    def train(self, out: Path, inputs: Mapping[str, Path]) -> None:
        out.rename(out.with_name("finished"))


def test_other_processes_leave_the_folder_to_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    out = tmp_path / "toy.partial"
    out.mkdir()
    assert RenamedStage(ToyConfig()).run(out, {}) == {}
    assert ToyStage(ToyConfig()).run(out, {}) == {}, "too late to train"
    assert not out.exists()


def test_a_tracker_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="needs the package wandb"):
        ToyStage(ToyConfig(tracking=TrackingConfig(kind="wandb"))).check()


def test_a_stage_that_trains_keeps_its_work_and_runs_in_every_process() -> None:
    assert ToyStage.keeps_work
    assert ToyStage.distributed


@pytest.mark.parametrize(
    ("reason", "raised", "says"),
    [("No space left on device", InputError, "the disk is full"), ("Permission denied", OSError, "Permission denied")],
)
def test_weights_that_cannot_be_written(tmp_path: Path, reason: str, raised: type[Exception], says: str) -> None:
    class Unwritable:
        def save_pretrained(self, folder: Any) -> None:
            raise OSError(reason)

    with pytest.raises(raised, match=says):
        save_model(Unwritable(), Unwritable(), tmp_path)  # type: ignore[arg-type]
