"""Token-level targets on disk: for each label of the first N batches of a plan, K pieces, their shares, and the tail.

They are read from front to back beside the batches. A file holds a stretch of the plan:

    000000.ids.npy      (tokens, K) uint16 or uint32, memory-mapped
    000000.shares.npy   (tokens, K + 1) float16: probabilities, then the tail; memory-mapped
    000000.tokens.npy   labels of each batch
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    from distillation.objective import TeacherTargets
    from training.batches.batch import Batch

    Array = np.ndarray[Any, np.dtype[Any]]

IDS, SHARES, TOKENS = FILES = ("ids.npy", "shares.npy", "tokens.npy")
_WIDE_IDS: Final = 1 << 16  # vocabularies of more pieces have ids of four bytes


def bytes_per_token(top_k: int, vocab_size: int) -> int:
    """Size on disk of one label's targets."""
    return top_k * _id_type(vocab_size).itemsize + (top_k + 1) * 2


def write_targets(folder: Path, targets: "Sequence[TeacherTargets]", tokens: Sequence[int], vocab_size: int) -> None:
    """Write the three files of a stretch, without a name in front.

    Args:
        targets: of each batch.
        tokens: labels of each batch.
    """
    import torch

    ids_TK = torch.cat([one.ids_TK for one in targets])
    shares_TK = torch.cat([torch.cat([one.probabilities_TK, one.tail_T[:, None]], dim=1) for one in targets])
    np.save(folder / IDS, ids_TK.cpu().numpy().astype(_id_type(vocab_size)), allow_pickle=False)
    np.save(folder / SHARES, shares_TK.half().cpu().numpy(), allow_pickle=False)
    np.save(folder / TOKENS, np.array(tokens, np.int64), allow_pickle=False)


class TokenTargets:
    """A finished cache.

    Attributes:
        tokens: labels of each batch.
    """

    def __init__(self, folder: Path) -> None:
        """Open a cache.

        Raises:
            InputError: no cache there, or one that cannot be read.
        """
        self.folder = folder
        self._names = sorted(path.name.removesuffix(TOKENS) for path in folder.glob(f"*.{TOKENS}"))
        if not self._names:
            raise InputError(f"{folder}: no token targets (*.{TOKENS})")
        counts = [np.load(folder / f"{name}{TOKENS}", allow_pickle=False) for name in self._names]
        self.tokens: Array = np.concatenate(counts)
        self._file = np.repeat(np.arange(len(counts)), list(map(len, counts)))
        self._start = np.concatenate([np.cumsum(count) - count for count in counts])

    def __len__(self) -> int:
        """Batches that are covered."""
        return len(self.tokens)

    def of(self, number: int, batch: "Batch") -> "TeacherTargets":
        """Targets of batch `number` of the plan.

        Raises:
            InputError: the batch has another number of labels than the one that the teacher saw.
        """
        import torch

        from distillation.objective import TeacherTargets

        if self.tokens[number] != batch.target_tokens:
            raise InputError(f"{self.folder}: batch {number} is not the one that the teacher saw: another plan")
        ids, shares = self._files[self._file[number]]
        rows = slice(self._start[number], self._start[number] + self.tokens[number])
        shares_TK = torch.from_numpy(shares[rows].astype(np.float32))
        shares_TK = shares_TK / shares_TK.sum(1, keepdim=True)  # rounding to float16 leaves the sum off by up to 5e-4
        return TeacherTargets(torch.from_numpy(ids[rows].astype(np.int64)), shares_TK[:, :-1], shares_TK[:, -1])

    @cached_property
    def _files(self) -> "list[tuple[Array, Array]]":
        return [(self._map(f"{name}{IDS}"), self._map(f"{name}{SHARES}")) for name in self._names]

    def _map(self, name: str) -> "Array":
        try:
            found: Array = np.load(self.folder / name, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{self.folder / name}: cannot be read ({error})") from error
        return found


def _id_type(vocab_size: int) -> "np.dtype[Any]":
    return np.dtype(np.uint16 if vocab_size <= _WIDE_IDS else np.uint32)
