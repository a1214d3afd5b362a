"""The training log: one JSON object a line, cut back to the checkpoint when training resumes."""

import json
import os
from pathlib import Path
from typing import Any

from parley.pipeline.atomic import flush, raise_if_full


class TrainingLog:
    """Appends lines to a file.

    Each line has `kind` (`train` or `validation`) and `update`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, kind: str, update: int, values: dict[str, Any]) -> None:
        """Append a line.

        Raises:
            InputError: the disk is full.
        """
        line = json.dumps({"kind": kind, "update": update, **values})
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise_if_full(error, self.path)
            raise

    def size(self) -> int:
        """Bytes written so far, all of them on the disk by now: a checkpoint counts on them."""
        flush(self.path)
        return self.path.stat().st_size if self.path.exists() else 0

    def cut(self, size: int) -> None:
        """Drop what was written after the log had this size."""
        if self.size() > size:
            os.truncate(self.path, size)


def read_log(path: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """Lines of a training log, of one kind or all."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if kind in (None, line["kind"])]
