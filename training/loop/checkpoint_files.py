"""The files of a checkpoint: a folder that any number of processes can read, whole or absent.

checkpoints/update-00000200/   state.json (progress, shapes; position and random generators of each process)
                               part-000-of-008.safetensors (a slice of every tensor, flat)
                               *.xxh3 (the digest of each)
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from parley.pipeline.atomic import flush, remove
from parley.pipeline.contents import file_digest
from parley.pipeline.errors import InputError

PREFIX: Final = "update-"
STATE: Final = "state.json"
DIGEST: Final = ".xxh3"


def checkpoint_folders(root: Path) -> list[Path]:
    """Whole checkpoints below `root`, oldest first."""
    return sorted(root.glob(f"{PREFIX}*"))


def checkpoint_path(root: Path, update: int) -> Path:
    """Where the checkpoint of an update lies."""
    return root / f"{PREFIX}{update:08d}"


def part_name(rank: int, count: int) -> str:
    """File of the slices that process `rank` of `count` wrote."""
    return f"part-{rank:03d}-of-{count:03d}.safetensors"


def discard_drafts(root: Path) -> None:
    """Remove what killed trainings left half written."""
    for draft in root.glob(f".{PREFIX}*.tmp"):
        remove(draft)


def seal(file: Path) -> None:
    """Have a file on the disk, and then its digest beside it: a file with a digest is whole."""
    flush(file)
    digest_path(file).write_text(file_digest(file), encoding="ascii")
    flush(digest_path(file))


def digest_path(file: Path) -> Path:
    """Where the digest of a file lies."""
    return file.with_name(file.name + DIGEST)


def damage(file: Path) -> str:
    """What is wrong with a sealed file; empty when nothing is.

    Raises:
        InputError: it cannot be read.
    """
    try:
        for needed in (file, digest_path(file)):
            if not needed.is_file():
                return f"{needed} is missing"
        return "" if digest_path(file).read_bytes() == file_digest(file).encode() else f"{file} is damaged"
    except OSError as error:
        raise InputError(f"cannot read checkpoint file {file}: {error.strerror}") from error


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write and seal `state.json`; floats keep every bit."""
    (folder / STATE).write_text(json.dumps(state, default=_plain), encoding="utf-8")
    seal(folder / STATE)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} does not belong into a checkpoint's JSON")


def read_state(folder: Path) -> dict[str, Any]:
    """What `write_state` wrote; the file has been held against its digest."""
    state: dict[str, Any] = json.loads((folder / STATE).read_text(encoding="utf-8"))
    return state


def best_checkpoint(folder: Path) -> Path:
    """The checkpoint with the best weights that one knows of: an earlier one, or itself."""
    update = read_state(folder)["best_update"]
    return folder if update is None else checkpoint_path(folder.parent, update)


class CheckpointTensors(Mapping[str, Tensor]):
    """The tensors of a checkpoint, put together from its parts when they are asked for, on the CPU."""

    def __init__(self, folder: Path) -> None:
        """Open the parts.

        Raises:
            InputError: a file that cannot be read.
        """
        state = read_state(folder)
        self.shapes: dict[str, list[int]] = state["shapes"]
        paths = [folder / part_name(rank, state["parts"]) for rank in range(state["parts"])]
        try:
            self._parts = [safe_open(path, framework="pt") for path in paths]
        except (OSError, SafetensorError) as error:
            raise InputError(f"cannot read the parts of checkpoint {folder}: {error}") from error

    def __getitem__(self, name: str) -> Tensor:
        """One tensor in its shape."""
        return torch.cat([part.get_tensor(name) for part in self._parts]).view(self.shapes[name])

    def __iter__(self) -> Iterator[str]:
        """Names."""
        return iter(self.shapes)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.shapes)
