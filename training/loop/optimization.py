"""AdamW, or Muon for matrices, over flat masters; learning rates; clipping; updates that are skipped without a wait.

Whether an update is sound is decided on the device: its norm and loss must be finite and not far above their running
means. AdamW's fused kernel leaves everything as it is where it is told `found_inf`, so the host reads the outcome only
when it writes the log.
"""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from training.loop.config import TrainingConfig
from training.loop.muon import muon_updates
from training.loop.precision import Bucket, Masters

BETAS: Final = (0.9, 0.98)  # of AdamW
EPSILON: Final = 1e-8
WEIGHT_DECAY: Final = 0.01  # of matrices; norms, biases and embeddings do not decay
CLIP_NORM: Final = 1.0  # gradients of a larger global L2 norm are scaled down to it
FINAL_RATE: Final = 0.05  # rate at the end of `wsd`, as a share of the peak
MAX_LOSS_RISE: Final = 4.0  # an update whose loss is so many nats a token above the running mean is skipped
MAX_NORM_RATIO: Final = 50.0  # an update whose gradient norm is so many times the running mean is skipped
RUNNING_WEIGHT: Final = 0.02  # of the newest update in the running means of loss and norm
SETTLING_UPDATES: Final = 10  # updates before the running means are trusted


def learning_rate(config: TrainingConfig, update: int, progress: float) -> float:
    """The rate of one update.

    Args:
        update: number of the update, from 1.
        progress: share of the budget used before it, 0 to 1.
    """
    warmup = max(1, config.warmup_updates)
    if update < warmup:
        return config.learning_rate * update / warmup
    if config.schedule == "inverse_sqrt":
        return config.learning_rate * (warmup / update) ** 0.5
    if config.schedule == "wsd" and progress > 1 - config.decay:
        left = max(0.0, 1 - progress) / config.decay
        return config.learning_rate * max(FINAL_RATE, left)
    return config.learning_rate


class Optimizer:
    """AdamW on masters, Muon on those of hidden matrices when so configured, with clipping and guarded updates.

    Attributes:
        momenta: Muon's momentum by bucket key, flat like the bucket.
        health: float64 on the device: running mean of loss, of norm, sound updates so far, skipped in a row, skipped.
    """

    def __init__(self, masters: Masters, config: TrainingConfig) -> None:
        self.masters = masters
        self.config = config
        self.muon = [b for b in masters.buckets if b.matrices and config.optimizer == "muon"]
        self.momenta = {bucket.key: torch.zeros_like(bucket.master) for bucket in self.muon}
        self.adam = [bucket for bucket in masters.buckets if bucket.key not in self.momenta]
        groups = []
        for bucket in self.adam:
            bucket.master.grad = bucket.master_gradient
            decay = WEIGHT_DECAY if bucket.decayed else 0.0
            share = config.matrix_rate / config.learning_rate if bucket.matrices else 1.0
            groups.append({"params": [bucket.master], "weight_decay": decay, "share": share * bucket.rate_share})
        self.adamw = torch.optim.AdamW(groups, lr=config.learning_rate, betas=BETAS, eps=EPSILON, fused=True)
        self.health = torch.zeros(5, dtype=torch.float64, device=masters.buckets[0].master.device)

    @torch.no_grad()
    def step(self, rate: float, loss: Tensor) -> Tensor:
        """Clip, update the masters, publish them; or skip an unsound update.

        Args:
            rate: learning rate.
            loss: mean loss of the update in nats a token, scalar on the device.

        Returns:
            The gradient norm before clipping, scalar on the device.
        """
        norm = self.masters.gradient_norm()
        sound = self._judge(loss.double(), norm.double())
        scale = (CLIP_NORM / (norm + 1e-6)).clamp(max=1.0)
        for bucket in self.masters.buckets:
            bucket.master_gradient.mul_(scale)
        for group in self.adamw.param_groups:
            group["lr"] = rate * group["share"]
        self.adamw.found_inf = 1.0 - sound.float()  # type: ignore[attr-defined]
        self.adamw.step()
        for bucket in self.muon:
            share = self.config.matrix_rate / self.config.learning_rate * bucket.rate_share
            self._muon_step(bucket, rate * share, sound)
        self.masters.publish()
        self.masters.clear_gradients()
        return norm

    def _muon_step(self, bucket: Bucket, rate: float, sound: Tensor) -> None:
        """Move a bucket of matrices; an unsound update leaves matrices and momentum as they are."""
        old = self.momenta[bucket.key]
        momentum = old.clone()
        gradients = [view for _, view in bucket.views(bucket.master_gradient.nan_to_num(0.0, 0.0, 0.0))]
        updates = muon_updates(gradients, [view for _, view in bucket.views(momentum)], bucket.stacked)
        bucket.master.mul_(1 - rate * WEIGHT_DECAY * sound.float())
        for (_, master), update in zip(bucket.views(bucket.master), updates, strict=True):
            master.sub_(update * (rate * sound.float()))
        old.copy_(torch.where(sound.bool(), momentum, old))

    def _judge(self, loss: Tensor, norm: Tensor) -> Tensor:
        """1 where the update is sound, else 0; moves the running means. No `if` on a value: nothing waits."""
        mean_loss, mean_norm, sound_count, in_a_row, skipped = self.health
        settled = sound_count >= SETTLING_UPDATES
        limit = torch.clamp(mean_norm * MAX_NORM_RATIO, min=CLIP_NORM)
        exploded = settled & ((loss > mean_loss + MAX_LOSS_RISE) | (norm > limit))
        sound = (torch.isfinite(loss) & torch.isfinite(norm) & ~exploded).double()
        weight = sound * torch.clamp(1 / (sound_count + 1), min=RUNNING_WEIGHT)
        fresh = torch.stack([loss, norm]).nan_to_num(0.0, 0.0, 0.0)
        means = torch.lerp(self.health[:2], fresh, weight)
        counts = torch.stack([sound_count + sound, (in_a_row + 1) * (1 - sound), skipped + 1 - sound])
        self.health = torch.cat([means, counts])
        return sound

    def skipped(self) -> tuple[int, int]:
        """Skipped updates in a row and in all. Waits for the device."""
        _, _, _, in_a_row, skipped = self.health.tolist()
        return int(in_a_row), int(skipped)

    def state_tensors(self) -> dict[str, Tensor]:
        """Masters, moments and momenta, step counts and health, by stable names."""
        tensors = {"health": self.health}
        for bucket in self.masters.buckets:
            tensors[f"{bucket.key}.master"] = bucket.master
        for bucket in self.muon:
            tensors[f"{bucket.key}.momentum"] = self.momenta[bucket.key]
        for bucket in self.adam:
            for name, value in self._moments(bucket.master).items():
                tensors[f"{bucket.key}.{name}"] = value
        return tensors

    @torch.no_grad()
    def load_state_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `state_tensors` gave."""
        self.health = tensors["health"].to(self.health.device)
        for bucket in self.masters.buckets:
            bucket.master.copy_(tensors[f"{bucket.key}.master"])
        for bucket in self.muon:
            self.momenta[bucket.key].copy_(tensors[f"{bucket.key}.momentum"])
        for bucket in self.adam:
            for name, value in self._moments(bucket.master).items():
                value.copy_(tensors[f"{bucket.key}.{name}"])
        self.masters.publish()

    def _moments(self, master: Tensor) -> dict[str, Tensor]:
        state = self.adamw.state[master]
        if not state:  # made here as AdamW itself would at its first step, so that it can be saved and loaded before
            state["step"] = torch.zeros((), dtype=torch.float32, device=master.device)
            state["exp_avg"] = torch.zeros_like(master)
            state["exp_avg_sq"] = torch.zeros_like(master)
        return {name: state[name] for name in ("step", "exp_avg", "exp_avg_sq")}
