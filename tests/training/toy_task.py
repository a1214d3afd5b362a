"""A tiny task for tests of the loop: guess the next token of an arithmetic progression, with dropout and a buffer.

As a program it trains in a folder, so that a test can kill it: `python -m tests.training.toy_task FOLDER KEY=VALUE...`
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from training.loop.accumulation import LossParts
from training.loop.config import TrackingConfig, TrainingConfig
from training.loop.trainer import Trainer

VOCABULARY = 23


@dataclass(frozen=True)
class ToyBatch:
    """Token ids (B, T) and the ids that follow them."""

    ids: Tensor
    labels: Tensor

    @property
    def target_tokens(self) -> int:
        return self.labels.numel()

    def to(self, device: Any) -> Self:
        return type(self)(self.ids.to(device), self.labels.to(device))

    def halves(self) -> "list[ToyBatch]":
        middle = len(self.ids) // 2
        return [ToyBatch(self.ids[part], self.labels[part]) for part in (slice(middle), slice(middle, None)) if middle]


class ToyStream:
    """Batch number n depends on (seed, n) alone; sizes vary. `poison` numbers give labels that make the loss nan."""

    def __init__(self, rank: int = 0, world: int = 1, rows: int = 4) -> None:
        self.rank, self.world, self.rows, self.position = rank, world, rows, 0

    def batch(self, number: int) -> ToyBatch:
        generator = np.random.default_rng([7, number])
        length = int(generator.integers(4, 9))
        start = generator.integers(0, VOCABULARY, (self.rows, 1))
        step = generator.integers(1, 4, (self.rows, 1))
        ids = torch.from_numpy((start + step * np.arange(length + 1)) % VOCABULARY)
        return ToyBatch(ids[:, :-1], ids[:, 1:])

    def __iter__(self) -> Iterator[ToyBatch]:
        while True:
            number, self.position = self.position, self.position + 1
            yield self.batch(number * self.world + self.rank)

    def state_dict(self) -> dict[str, Any]:
        return {"position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.position = state["position"]


class ToyModel(nn.Module):
    """Embedding, a recurrent layer by hand, dropout, and a buffer that counts forwards."""

    forwards: Tensor

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 16)
        self.mix = nn.Linear(16, 32)
        self.norm = nn.LayerNorm(32)
        self.out = nn.Linear(32, VOCABULARY)
        self.dropout = nn.Dropout(dropout)
        self.out.bias.keep_fp32 = True  # type: ignore[attr-defined]
        self.register_buffer("forwards", torch.zeros(()))

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (B, T, V) in float32."""
        x = self.embedding(ids)
        before = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], dim=1)
        hidden = self.dropout(self.norm(torch.relu(self.mix(x) + self.mix(before).roll(7, -1))))
        if self.training:
            self.forwards += 1
        return nn.functional.linear(hidden, self.out.weight).float() + self.out.bias


class ToyTask:
    """Cross-entropy. `poison(forward number)` may replace the loss."""

    best_metric = "dev/score"

    def __init__(self, dropout: float = 0.1, seed: int = 0, slow: float = 0.0) -> None:
        torch.manual_seed(seed)
        self.model = ToyModel(dropout)
        self.slow = slow
        self.poisoned: range | tuple[int, ...] = ()
        self.calls = 0

    def loss(self, batch: ToyBatch) -> LossParts:
        time.sleep(self.slow)
        logits = self.model(batch.ids).flatten(0, 1)
        loss = nn.functional.cross_entropy(logits, batch.labels.flatten(), reduction="sum")
        if self.calls in self.poisoned:
            loss = loss * float("nan")
        self.calls += 1
        accuracy = (logits.argmax(-1) == batch.labels.flatten()).float().mean()
        return LossParts(loss, batch.target_tokens, {"accuracy": accuracy})

    def after_update(self) -> None:
        pass

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        stream = ToyStream()
        batches = [stream.batch(1_000_000 + n) for n in range(4)]
        losses = [nn.functional.cross_entropy(model(b.ids).flatten(0, 1), b.labels.flatten()) for b in batches]
        torch.rand(3)  # validation that draws random numbers must not change training
        loss = float(torch.stack(losses).mean())
        return {"dev/loss": loss, "dev/score": -loss}


def toy_config(**changes: Any) -> TrainingConfig:
    """A short training, in fp32: tests hold equalities to its rounding."""
    settings: dict[str, Any] = {
        "max_updates": 40, "update_tokens": 64, "learning_rate": 1e-2, "warmup_updates": 5, "validate_every": 10,
        "log_every": 1, "ema_decay": 0.9, "device": "cpu",
        "precision": "fp32",
    }  # fmt: skip
    return TrainingConfig(**(settings | changes))


def toy_trainer(
    out: Path, task: ToyTask | None = None, tracking: TrackingConfig | None = None, **changes: Any
) -> Trainer:
    """A trainer of the toy task."""
    return Trainer(toy_config(**changes), task or ToyTask(), ToyStream(), out, tracking)


if __name__ == "__main__":
    torch.set_num_threads(1)
    changes = {key: json.loads(value) for key, value in (word.split("=", 1) for word in sys.argv[2:])}
    folder, delay = Path(sys.argv[1]), changes.pop("slow", 0.0)
    toy_trainer(folder, ToyTask(slow=delay), **changes).train()
