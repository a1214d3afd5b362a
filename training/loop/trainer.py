"""THE training loop: teacher, student and quality estimation all train here.

An update draws micro-batches until they hold `update_tokens` target tokens over all processes, so the divisor of the
loss is known before the first forward and the gradient equals that of one big batch. Nothing waits for the device
between two lines of the log. What a model needs besides (its loss, its validation) is a `Task`.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from parley.pipeline.errors import InputError
from parley.pipeline.progress import ProgressBar, progress_bar, say
from training.batches.prefetch import Prefetch, StreamLike
from training.loop.accumulation import LossParts, accumulate
from training.loop.checkpoint_files import CheckpointTensors, checkpoint_folders, checkpoint_path, read_state
from training.loop.checkpoints import Checkpoints
from training.loop.config import TrackingConfig, TrainingConfig
from training.loop.ema import WeightAverage
from training.loop.log import TrainingLog
from training.loop.meters import Meters
from training.loop.optimization import Optimizer, learning_rate
from training.loop.precision import Masters, choose_precision
from training.loop.processes import Processes
from training.loop.progress import TrainingProgress
from training.loop.random_state import random_state, restore_random_state
from training.loop.tracking import Tracker

MAX_SKIPS: Final = 20  # so many skipped updates in a row end the training
PREFETCHED: Final = 4  # micro-batches made ahead in a thread


class Task(Protocol):
    """What is trained."""

    @property
    def model(self) -> nn.Module:
        """The model, on any device; the trainer moves it."""
        ...

    @property
    def best_metric(self) -> str:
        """The score of `validate` whose highest value picks the weights that are kept, such as `dev/chrf`."""
        ...

    def loss(self, batch: Any) -> LossParts:
        """Loss of a micro-batch that is on the model's device."""
        ...

    def after_update(self) -> None:
        """Called after each update (expert balancing, ...)."""
        ...

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Scores of the model as it is now (with averaged weights), such as `dev/loss`, `dev/chrf/en-fr`."""
        ...


@dataclass(frozen=True)
class TrainResult:
    """How training ended.

    Attributes:
        updates, tokens, seconds: done, over all resumes.
        skipped: unsound updates that were skipped.
        resumed_from: update of the checkpoint that this call went on from; 0 for none.
        result_update: update whose weights the model now holds.
        metrics: validation scores of these weights.
    """

    updates: int
    tokens: int
    seconds: float
    skipped: int
    resumed_from: int
    result_update: int
    metrics: dict[str, float]


class Trainer:
    """Trains a task on a stream of batches, resuming from what it finds in `out`.

    Args:
        config: budget, optimisation and the rest.
        task: the model with its loss and validation.
        stream: batches of this process.
        out: folder for `training_log.jsonl`, `checkpoints/`, `tracking/`.
        tracking: experiment tracker.
        processes: made by the caller when the stream needed the rank; else made here.
        description: of the progress bar.
        facts: further values for the tracker's configuration.

    Attributes:
        position: of the stream once training is over.
    """

    def __init__(
        self,
        config: TrainingConfig,
        task: Task,
        stream: StreamLike,
        out: Path,
        tracking: TrackingConfig | None = None,
        processes: Processes | None = None,
        description: str = "train",
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.config, self.task, self.stream, self.out, self.description = config, task, stream, out, description
        out.mkdir(parents=True, exist_ok=True)
        self.processes = processes or Processes(config)
        self.device = self.processes.device
        self.model = task.model.to(self.device)
        self.masters = Masters(self.model, choose_precision(config.precision, self.device))
        self.processes.share_weights(self.model, self.masters)
        self.optimizer = Optimizer(self.masters, config)
        self.average = WeightAverage(self.masters, config.ema_decay)
        self.checkpoints = Checkpoints(out / "checkpoints", self.processes)
        self.log = TrainingLog(out / "training_log.jsonl")
        self.tracker = Tracker(
            tracking or TrackingConfig(), out / "tracking", {"training": asdict(config), **(facts or {})}
        )
        self.progress, self.meters = TrainingProgress(), Meters()
        self.resumed_from, self.note = 0, ""
        self.halved = 0  # micro-batches of the last update, on this process
        self.position: dict[str, Any] = {}

    def train(self) -> TrainResult:
        """Train until the budget is used up; leaves the result's weights in the model, in fp32.

        Raises:
            InputError: training diverged, the disk is full, checkpoints are damaged or of another model.
        """
        self._seed()
        self._resume()
        self.started = time.monotonic() - self.progress.seconds
        self.model.train()
        if self.processes.is_first:
            self.tracker.start()
        bar = progress_bar(self.description, self.config.max_updates or 100)
        with bar, self.checkpoints, Prefetch(self.stream, PREFETCHED) as batches:
            while self.progress.used(self.config) < 1:
                norm, rate = self._update(batches)
                self._record(norm, rate, bar)
                self._validate_or_save(batches)
            if self.progress.validated != self.progress.update:  # its last minutes went before a checkpoint
                self._validate_or_save(batches)
            self.position = batches.state
            self.checkpoints.finish()
        self.tracker.finish()
        return self._result()

    def _update(self, batches: Prefetch) -> tuple[Tensor, float]:
        """One update; gives the gradient norm and the learning rate."""
        rate = learning_rate(self.config, self.progress.update + 1, self.progress.used(self.config))
        group, tokens = self._draw(batches)
        done, self.halved = accumulate(group, partial(self._add, tokens), self._forget_gradients)
        loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        for parts in done:
            loss_sum += parts.loss_sum
            self.meters.add_metrics(parts.metrics, parts.tokens)
        self.processes.sum_gradients(self.masters)
        loss_sum = self.processes.sum_scalar(loss_sum)
        self.meters.add_update(loss_sum, tokens)
        norm = self.optimizer.step(rate, loss_sum / tokens)
        self.progress.update += 1
        self.progress.tokens += tokens
        self.average.update(self.progress.update)
        self.task.after_update()
        return norm, rate

    def _add(self, tokens: int, batch: Any) -> LossParts:
        """Add the gradient of one micro-batch of an update of so many tokens; gives its loss without gradient."""
        parts = self.task.loss(batch.to(self.device))
        (parts.loss_sum / tokens).backward()
        self.masters.collect()
        return replace(parts, loss_sum=parts.loss_sum.detach())

    def _forget_gradients(self) -> None:
        """Set the gradients of working weights and masters to zero."""
        self.masters.collect()
        self.masters.clear_gradients()

    def _draw(self, batches: Prefetch) -> tuple[list[Any], int]:
        """Micro-batches of one update, and their target tokens over all processes. All take the first one's clock."""
        group, total = [], 0.0
        while total < self.config.update_tokens:
            group.append(batches.take())
            clock = time.monotonic() - self.started if self.processes.is_first else 0.0
            counts = [group[-1].target_tokens, clock, self.halved]
            tokens, self.progress.seconds, halved = self.processes.sum_counts(counts)
            self.progress.halved, self.halved = self.progress.halved + int(halved), 0
            total += tokens
        return group, int(total)

    def _record(self, norm: Tensor, rate: float, bar: ProgressBar) -> None:
        logs = self.progress.update % self.config.log_every == 0
        if logs:
            values = self.meters.read()
            values |= {"lr": rate, "gradient_norm": finite(float(norm)), "skipped": self.optimizer.skipped()[1]}
            values |= {
                "halved": self.progress.halved,
                "tokens": self.progress.tokens,
                "seconds": round(self.progress.seconds, 1),
            }
            self._publish("train", values, self._expert_load())
            self.note = f"loss {values['loss'] or float('nan'):.3f} {values['tokens_per_second']:,.0f} tokens/s"
        if logs or self.device.type == "cpu":
            self._stop_if_diverged()
        used = self.progress.used(self.config)
        bar.advance(used * (bar.total or 100) - bar.done, self.note)

    def _expert_load(self) -> dict[str, list[float]]:
        """Each expert's share of its layer's load in the last update."""
        measure: Callable[[], dict[str, Tensor]] = getattr(self.model, "expert_load", dict)
        loads = measure()
        return {name: [round(x, 4) for x in (load / load.sum().clamp(min=1)).tolist()] for name, load in loads.items()}

    def _publish(self, kind: str, values: dict[str, Any], load: dict[str, list[float]] | None = None) -> None:
        if self.processes.is_first:
            self.log.write(kind, self.progress.update, values | ({"expert_load": load} if load else {}))
            flat = {name if "/" in name else f"{kind}/{name}": value for name, value in values.items()}
            shares = {f"load/{layer}/{e}": x for layer, load_E in (load or {}).items() for e, x in enumerate(load_E)}
            self.tracker.log(flat | shares, self.progress.update)

    def _stop_if_diverged(self) -> None:
        in_a_row, skipped = self.optimizer.skipped()
        if in_a_row < MAX_SKIPS:
            return
        self.checkpoints.finish()
        saved = checkpoint_folders(self.checkpoints.root)
        kept = f"the last good checkpoint is {saved[-1]}" if saved else "there was no checkpoint yet"
        raise InputError(
            f"training diverged at update {self.progress.update}: loss or gradient of {in_a_row} updates in a row "
            f"exploded or was not a number ({skipped} skipped in all); {kept}; "
            "lower training.learning_rate or raise training.warmup_updates"
        )

    def _validate_or_save(self, batches: Prefetch) -> None:
        over = self.progress.used(self.config) >= 1
        validates, saves = (
            over or (every and self.progress.update % every == 0)
            for every in (self.config.validate_every, self.config.checkpoint_every)
        )
        if validates:
            self._validate()
        if validates or saves:
            self._save(batches)

    def _validate(self) -> None:
        """The first process validates with averaged weights; the others wait."""
        scores: dict[str, float] = {}
        if self.processes.is_first:
            generators = random_state()
            with self.average.applied(), torch.no_grad():
                self.model.eval()
                scores = self.task.validate(self.model)
            self.model.train()
            restore_random_state(generators)
        scores = self.processes.gather(scores)[0]
        self.progress.offer(scores, self.task.best_metric)
        values = {name: finite(score) for name, score in scores.items()}
        self._publish("validation", values | {"tokens": self.progress.tokens, "seconds": round(self._clock(), 1)})
        shown = ", ".join(f"{name} {score:.4g}" for name, score in scores.items() if name.count("/") < 2)
        say(f"{self.description}: update {self.progress.update}: {shown}")

    def _clock(self) -> float:
        return time.monotonic() - self.started

    def _buffers(self) -> dict[str, Tensor]:
        return {f"buffer.{name}": buffer for name, buffer in self.model.named_buffers()}

    def _save(self, batches: Prefetch) -> None:
        own = {"stream": batches.state, "random": random_state(), "meters": self.meters.state()}
        everyone = self.processes.gather({**own, "seconds": self._clock()})
        self.progress.seconds = everyone[0]["seconds"]
        state = {
            "progress": asdict(self.progress),
            "best_update": self.progress.best_update,
            "log_bytes": self.log.size(),
            "layout": self.masters.layout(),
            "processes": everyone,
        }
        tensors = self.optimizer.state_tensors() | self.average.state_tensors() | self._buffers()
        self.checkpoints.save(self.progress.update, tensors, state)

    def _seed(self) -> None:
        """Seed this process's generators, otherwise at every update that training may go on from."""
        seed = self.config.seed + self.processes.rank + self.processes.count * self.progress.update
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)

    def _resume(self) -> None:
        folder, log_bytes = self.checkpoints.newest_sound(), 0
        if folder:
            state = read_state(folder)
            if state["layout"] != self.masters.layout():
                raise InputError(
                    f"checkpoint {folder} is of another model or vocabulary or precision: remove it or its run"
                )
            self._load_tensors(folder)
            self._restore(state)
            log_bytes = state["log_bytes"]
            say(f"{self.description}: resumed from update {self.progress.update} ({folder})")
        if self.processes.is_first:
            self.log.cut(log_bytes)
        self.processes.wait()

    def _restore(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint stands; another number of processes begins with new random numbers."""
        everyone, rank = state["processes"], self.processes.rank
        as_many = len(everyone) == self.processes.count
        own = everyone[rank if as_many else 0]  # the position in the plan is everybody's
        self.progress = TrainingProgress(**state["progress"])
        self.resumed_from = self.progress.update
        self.meters.load_state(own["meters"])
        self.stream.load_state_dict(own["stream"])
        if as_many:
            restore_random_state(own["random"])
        else:
            self._seed()

    @torch.no_grad()
    def _load_tensors(self, folder: Path) -> None:
        tensors = CheckpointTensors(folder)
        self.optimizer.load_state_tensors(tensors)
        self.average.load_state_tensors(tensors)
        for name, buffer in self._buffers().items():
            buffer.copy_(tensors[name])

    @torch.no_grad()
    def _result(self) -> TrainResult:
        """Put the best weights into the model, no longer as views."""
        done, skipped = self.progress, self.optimizer.skipped()[1]
        assert done.best_update is not None, "validated at the end of every training"
        self._load_tensors(checkpoint_path(self.checkpoints.root, done.best_update))
        weights = self.average.weights()
        for name, parameter in self.model.named_parameters():
            if name in weights:
                parameter.data, parameter.grad = weights[name], None
        self.model.eval()
        return TrainResult(
            done.update, done.tokens, done.seconds, skipped, self.resumed_from, done.best_update, done.best_metrics
        )


def finite(value: float) -> float | None:
    """The value, or None where it is not a number or infinite, which JSON has no word for."""
    return value if np.isfinite(value) else None
