"""The best weights by a validation metric."""

import math
from pathlib import Path

from torch import Tensor

from parley.pipeline.errors import InputError
from training.loop import checkpoint as store


class BestWeights:
    """The folder of the best weights seen so far.

    Args:
        metric: the score that tells; the highest is best.

    Attributes:
        entry: score and update of the best.
    """

    def __init__(self, root: Path, metric: str) -> None:
        self.root = root
        self.metric = metric
        self.entry: tuple[float, int] | None = None

    def offer(self, scores: dict[str, float], update: int, weights: dict[str, Tensor]) -> None:
        """Keep the weights when they are the best. The folder of the former best goes at the next `prune`.

        Raises:
            InputError: validation does not give the metric; the disk is full.
        """
        if self.metric not in scores:
            raise InputError(f"best weights by {self.metric}: validation gives {', '.join(sorted(scores))}")
        score = scores[self.metric]
        if self.entry is None or math.isnan(self.entry[0]) or score > self.entry[0]:
            self.entry = (score, update)
            with store.whole_folder(store.checkpoint_path(self.root, update)) as folder:
                store.save_tensors(folder / "weights.safetensors", weights)
                store.save_json(folder / "metrics.json", scores)

    def restore(self, entry: tuple[float, int] | None) -> None:
        """Go back to the best of a checkpoint; weights that are gone since will be made again."""
        self.entry = (entry[0], entry[1]) if entry and store.checkpoint_path(self.root, entry[1]).is_dir() else None

    def prune(self) -> None:
        """Remove the folders of former bests. Called once a checkpoint knows the best."""
        store.prune(self.root, {store.checkpoint_path(self.root, self.entry[1])} if self.entry else set())

    def load(self) -> tuple[int, dict[str, Tensor], dict[str, float]]:
        """Update, weights and scores of the best."""
        assert self.entry is not None, "offered at the end of every training"
        update = self.entry[1]
        folder = store.checkpoint_path(self.root, update)
        return update, store.load_tensors(folder / "weights.safetensors"), store.load_json(folder / "metrics.json")
