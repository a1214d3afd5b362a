"""An exponential moving average of the master weights: what is validated and kept."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from training.loop.precision import Masters


class WeightAverage:
    """Moving average of masters.

    The decay rises as (1 + u) / (10 + u) up to `decay`, so that early averages are not ruled by the initial weights.
    """

    def __init__(self, masters: Masters, decay: float) -> None:
        self.masters = masters
        self.decay = decay
        self.averages = [bucket.master.clone() for bucket in masters.buckets] if decay else []

    @torch.no_grad()
    def update(self, update: int) -> None:
        """Take the masters of update number `update` (from 1) in."""
        decay = min(self.decay, (1 + update) / (10 + update))
        for average, bucket in zip(self.averages, self.masters.buckets, strict=False):
            average.lerp_(bucket.master, 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model works with the average inside the `with`; afterwards with the masters as before."""
        if not self.averages:
            yield
            return
        kept = [None if b.working is not b.master else b.master.clone() for b in self.masters.buckets]
        with torch.no_grad():
            for average, bucket in zip(self.averages, self.masters.buckets, strict=True):
                bucket.working.copy_(average)
        try:
            yield
        finally:
            with torch.no_grad():
                for backup, bucket in zip(kept, self.masters.buckets, strict=True):
                    bucket.working.copy_(bucket.master if backup is None else backup)

    def weights(self) -> dict[str, Tensor]:
        """fp32 copies of the averaged weights (the masters where there is no average), by parameter name."""
        sources = self.averages or [bucket.master for bucket in self.masters.buckets]
        pairs = zip(sources, self.masters.buckets, strict=True)
        return {name: view.detach().clone() for flat, bucket in pairs for name, view in bucket.views(flat)}

    def state_tensors(self) -> dict[str, Tensor]:
        """The flat averages, by bucket."""
        return {f"{b.key}.average": flat for flat, b in zip(self.averages, self.masters.buckets, strict=False)}

    @torch.no_grad()
    def load_state_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `state_tensors` gave."""
        for flat, bucket in zip(self.averages, self.masters.buckets, strict=False):
            flat.copy_(tensors[f"{bucket.key}.average"])
