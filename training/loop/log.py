"""The training log: one JSON object a line, cut back to the checkpoint when training resumes."""

import json
from pathlib import Path
from typing import Any

from parley.pipeline.atomic import raise_if_full, write_text


class TrainingLog:
    """Appends lines to a file.

    Each line has `kind` (`train`, `validation` or `resume`) and `update`.
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

    def cut(self, update: int) -> None:
        """Drop lines of later updates and a last line that was written half."""
        if not self.path.exists():
            return
        kept = [line for line in self.path.read_text(encoding="utf-8").splitlines() if _update(line) <= update]
        write_text(self.path, "".join(f"{line}\n" for line in kept))


def read_log(path: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """Lines of a training log, of one kind or all."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if kind in (None, line["kind"])]


def _update(line: str) -> float:
    try:
        return float(json.loads(line)["update"])
    except ValueError:
        return float("inf")
