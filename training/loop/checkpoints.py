"""The checkpoints of a training, written and chosen by all its processes together."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from torch import Tensor

from parley.pipeline.atomic import discard
from parley.pipeline.errors import InputError
from parley.pipeline.progress import say
from training.loop.checkpoint_files import (
    STATE,
    best_checkpoint,
    checkpoint_folders,
    damage,
    discard_drafts,
    part_name,
    read_state,
)
from training.loop.checkpoint_writer import CheckpointWriter
from training.loop.processes import Processes

KEPT: Final = 2  # the newest checkpoints; besides, those that hold the best weights of these


class Checkpoints:
    """Use in a `with`: its end stops what is still being written when training fails.

    Args:
        root: their folder.
        processes: all of them write and read.
    """

    def __init__(self, root: Path, processes: Processes) -> None:
        self.root, self.processes = root, processes
        self._writer = CheckpointWriter(root, processes.rank, processes.count)

    def __enter__(self) -> Self:
        """Nothing is being written yet."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Wait for this process's part."""
        self._writer.stop()

    @property
    def is_writing(self) -> bool:
        """Whether this process's thread is at work."""
        return self._writer.is_writing

    def save(self, update: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Begin to write a checkpoint; waits for the one before it.

        Args:
            tensors: the same in every process.
            state: JSON values, of the first process; `best_update` names the checkpoint with the best weights.

        Raises:
            InputError: the checkpoint before it could not be written: the disk is full.
        """
        self.finish()
        if self.processes.is_first:
            self._writer.begin(update)
        self.processes.wait()
        self._writer.save(update, tensors, state)

    def finish(self) -> None:
        """Wait until what was saved is whole, and remove what is no longer needed.

        Raises:
            InputError: a process could not write its part: the disk is full.
        """
        failed = [told for told in self.processes.gather(self._writer.finish()) if told]
        if self.processes.is_first:
            self._prune()
        if failed:
            raise InputError(failed[0])

    def newest_sound(self) -> Path | None:
        """The newest checkpoint that is whole, with its best weights; damaged ones after it are named and removed.

        Raises:
            InputError: all are damaged.
        """
        found = self.processes.gather(checkpoint_folders(self.root))[0]
        damaged: list[str] = []
        for folder in reversed(found):
            wrong = [told for told in self.processes.gather(self._damage(folder)) if told]
            if not wrong:
                self._discard_after(folder, damaged)
                return folder
            damaged.append(wrong[0])
        if damaged:
            raise InputError(
                f"no sound checkpoint: {'; '.join(damaged)}; remove {self.root} to train from the beginning"
            )
        return None

    def _damage(self, folder: Path) -> str:
        """What is wrong with a checkpoint or that of its best weights, in this process's share of the files."""
        told = self._damage_of_files(folder)
        if told or (best := best_checkpoint(folder)) == folder:
            return told
        return self._damage_of_files(best)

    def _damage_of_files(self, folder: Path) -> str:
        if told := damage(folder / STATE):
            return told
        parts = read_state(folder)["parts"]
        files = [folder / part_name(rank, parts) for rank in range(self.processes.rank, parts, self.processes.count)]
        return next((told for file in files if (told := damage(file))), "")

    def _discard_after(self, folder: Path, damaged: list[str]) -> None:
        for told in damaged:
            say(f"{told}: going on from {folder.name}")
        if self.processes.is_first:
            for later in checkpoint_folders(self.root):
                if later > folder:
                    discard(later)
        self.processes.wait()

    def _prune(self) -> None:
        whole = [folder for folder in checkpoint_folders(self.root) if not damage(folder / STATE)][-KEPT:]
        needed = {*whole, *(best_checkpoint(folder) for folder in whole)}
        for folder in checkpoint_folders(self.root):
            if folder not in needed:
                discard(folder)
        discard_drafts(self.root)
