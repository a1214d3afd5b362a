"""One process's part in writing checkpoints, beside training.

All processes hold the same tensors, so each writes one slice of them. Training stops while the slice is copied to host
memory; a thread then writes it. The first process's thread waits for all parts before it names the checkpoint.
"""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file
from torch import Tensor

from parley.pipeline.atomic import discard, flush, raise_if_full, remove
from parley.pipeline.errors import InputError
from training.loop.checkpoint_files import checkpoint_path, digest_path, part_name, seal, write_state

POLL_SECONDS: Final = 0.05


class CheckpointWriter:
    """Writes in a thread, one checkpoint at a time.

    Args:
        root: folder of the checkpoints.
        rank, count: number of this process, from 0, and of all.
    """

    def __init__(self, root: Path, rank: int = 0, count: int = 1) -> None:
        self.root, self.rank, self.count = root, rank, count
        self._host: dict[str, Tensor] = {}
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._stopped = threading.Event()

    @property
    def is_writing(self) -> bool:
        """Whether the thread is at work."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, update: int) -> None:
        """Make the folder that all processes will write into; called by the first one, before any calls `save`.

        In it a file of each part's digest: empty until the part is whole, removed when it cannot be written.

        Raises:
            InputError: the disk is full.
        """
        draft = self._draft(update)
        try:
            remove(draft)
            draft.mkdir(parents=True)
            for digest in self._digests(draft):
                digest.touch()
        except OSError as error:
            raise_if_full(error, draft)
            raise

    def save(self, update: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Copy this process's slices to host memory, which is kept, and write them in a thread.

        Args:
            update: the checkpoint before it is finished.
            tensors: the same in every process.
            state: JSON values for `state.json`; only the first process's count.
        """
        assert self._thread is None, "finish first"
        self._copy(tensors)
        shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
        told = {**state, "shapes": shapes, "parts": self.count}
        self._thread = threading.Thread(target=self._write, args=(update, told), name="checkpoint")
        self._thread.start()

    def finish(self) -> str:
        """Wait until this process's part is written; in the first process, until the checkpoint is whole.

        Returns:
            Why it could not be written; empty when it is.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None and not isinstance(error, InputError):
            raise error
        return str(error or "")

    def stop(self) -> None:
        """Write this process's part to its end, but wait for nobody: training has failed."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _copy(self, tensors: Mapping[str, Tensor]) -> None:
        for name, tensor in tensors.items():
            flat = tensor.detach().reshape(-1)
            part = flat[len(flat) * self.rank // self.count : len(flat) * (self.rank + 1) // self.count]
            if name not in self._host:
                self._host[name] = torch.empty(part.shape, dtype=part.dtype, pin_memory=part.is_cuda)
            self._host[name].copy_(part, non_blocking=True)
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    def _write(self, update: int, state: Mapping[str, Any]) -> None:
        draft, folder = self._draft(update), checkpoint_path(self.root, update)
        try:
            part = draft / part_name(self.rank, self.count)
            save_file(self._host, part)
            seal(part)
            if self.rank == 0 and self._are_whole(self._digests(draft)):
                write_state(draft, state)
                flush(draft)
                discard(folder, draft)
        except Exception as error:
            self._give_up(draft, _told(error, folder))

    def _digests(self, draft: Path) -> list[Path]:
        return [digest_path(draft / part_name(rank, self.count)) for rank in range(self.count)]

    def _are_whole(self, digests: list[Path]) -> bool:
        """Wait for the parts of all processes; no when one of them failed, or training has ended by an error."""
        while all(digest.exists() for digest in digests):
            if all(digest.stat().st_size for digest in digests):
                return True
            if self._stopped.wait(POLL_SECONDS):
                return False
        return False

    def _give_up(self, draft: Path, error: Exception) -> None:
        if self.rank == 0:
            self._error = error
            remove(draft)
        elif draft.is_dir():  # else the first process has given up, and says why
            self._error = error
            remove(self._digests(draft)[self.rank])

    def _draft(self, update: int) -> Path:
        folder = checkpoint_path(self.root, update)
        return folder.with_name(f".{folder.name}.tmp")


def _told(error: Exception, folder: Path) -> Exception:
    """The error, as one line where the disk is full."""
    try:
        raise_if_full(error, folder)
    except InputError as full:
        return full
    return error
