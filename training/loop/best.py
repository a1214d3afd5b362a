"""The k best weights by a validation metric."""

from pathlib import Path

from torch import Tensor

from parley.pipeline.errors import InputError
from training.loop import checkpoint as store
from training.loop.config import TrainingConfig


class BestWeights:
    """Folders of the best weights seen so far.

    Attributes:
        ranked: (score, update), best first.
    """

    def __init__(self, root: Path, config: TrainingConfig) -> None:
        self.root = root
        self.config = config
        self.ranked: list[tuple[float, int]] = []

    def offer(self, scores: dict[str, float], update: int, weights: dict[str, Tensor]) -> None:
        """Keep the weights when they are among the best. Folders that fell out go at the next `prune`.

        Raises:
            InputError: validation does not give the metric; the disk is full.
        """
        name = self.config.best_metric
        if name not in scores:
            raise InputError(f"training.best_metric={name}: validation gives {', '.join(sorted(scores))}")
        entry = (scores[name], update)
        self.ranked = sorted([*self.ranked, entry], key=self._rank)[: self.config.keep_best]
        if entry in self.ranked:
            with store.whole_folder(store.checkpoint_path(self.root, update)) as folder:
                store.save_tensors(folder / "weights.safetensors", weights)
                store.save_json(folder / "metrics.json", scores)

    def _rank(self, entry: tuple[float, int]) -> tuple[float, int]:
        score, update = entry
        if score != score:  # not a number ranks last
            return float("inf"), update
        return (score if self.config.best_is_lower else -score), update

    def restore(self, ranked: list[tuple[float, int]]) -> None:
        """Go back to the ranking of a checkpoint; weights that are gone since will be made again."""
        folders = [(score, update) for score, update in ranked]
        self.ranked = [entry for entry in folders if store.checkpoint_path(self.root, entry[1]).is_dir()]

    def prune(self) -> None:
        """Remove folders that are not among the best. Called once a checkpoint knows the ranking."""
        store.prune(self.root, {store.checkpoint_path(self.root, update) for _, update in self.ranked})

    def load(self) -> tuple[int, dict[str, Tensor], dict[str, float]]:
        """Update, weights and scores of the best."""
        update = self.ranked[0][1]
        folder = store.checkpoint_path(self.root, update)
        return update, store.load_tensors(folder / "weights.safetensors"), store.load_json(folder / "metrics.json")
