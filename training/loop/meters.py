"""Running sums between two lines of the log: kept on the device, read when a line is written."""

import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class Meters:
    """Loss and metrics summed over the updates since the last reading."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.updates = self.tokens = self.own_tokens = 0
        self.loss_sum: float | Tensor = 0.0
        self.sound_tokens: float | Tensor = 0.0
        self.metrics: dict[str, float | Tensor] = {}
        self.since = time.monotonic()

    def add_update(self, loss_sum: Tensor, tokens: int) -> None:
        """Count an update: summed loss in nats and target tokens of all processes. A loss of nan or inf is left out."""
        self.updates += 1
        self.tokens += tokens
        self.loss_sum = self.loss_sum + loss_sum.nan_to_num(0.0, 0.0, 0.0)
        self.sound_tokens = self.sound_tokens + torch.isfinite(loss_sum) * tokens

    def add_metrics(self, metrics: Mapping[str, float | Tensor], tokens: int) -> None:
        """Take in a micro-batch's metrics, means per token of this process."""
        self.own_tokens += tokens
        for name, value in metrics.items():
            value = value.detach().double() if isinstance(value, Tensor) else value
            self.metrics[name] = self.metrics.get(name, 0.0) + value * tokens

    def read(self) -> dict[str, Any]:
        """Means since the last reading, and start anew. Waits for the device."""
        seconds = time.monotonic() - self.since
        sound = float(self.sound_tokens)
        means: dict[str, Any] = {"loss": float(self.loss_sum) / sound if sound else None}
        for name, value in self.metrics.items():
            mean = float(value) / max(1, self.own_tokens)
            means[name] = mean if math.isfinite(mean) else None
        means["effective_batch"] = round(self.tokens / max(1, self.updates), 1)
        means["tokens_per_second"] = round(self.tokens / seconds, 1)
        self.__init__()  # type: ignore[misc]
        return means

    def state(self) -> dict[str, Any]:
        """The sums as JSON values. Waits for the device."""
        numbers = {name: float(value) for name, value in vars(self).items() if name not in ("metrics", "since")}
        return {**numbers, "metrics": {name: float(value) for name, value in self.metrics.items()}}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` gave; the time since the last reading is lost."""
        for name in ("updates", "tokens", "own_tokens"):
            setattr(self, name, int(state[name]))
        self.loss_sum, self.sound_tokens, self.metrics = (
            state["loss_sum"],
            state["sound_tokens"],
            dict(state["metrics"]),
        )
