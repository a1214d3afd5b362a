"""Which artifacts of which runs may go.

Kept are those that are named (what is promoted), the newest of each stage, the young ones, and all that any of these
was made of, in every run under one root.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from parley.pipeline.manifest import read_manifest
from parley.pipeline.newest import artifacts, by_age
from parley.pipeline.registry import RunRegistry, now


@dataclass(frozen=True)
class Rule:
    """What is kept besides what is named.

    Attributes:
        keep: so many of each stage, the newest ones.
        days: those that were finished in so many days before the newest of all (or before now, if that is earlier: a
            clock that jumped makes nothing old).
    """

    keep: int
    days: float


class Runs:
    """All finished artifacts, and unfinished ones, under a folder of runs."""

    def __init__(self, runs_root: Path) -> None:
        """Read their manifests.

        Raises:
            InputError: a manifest that is damaged.
        """
        self.root = runs_root.resolve()
        stages = sorted(path for path in self.root.glob("*/*") if path.is_dir())
        self.stages = {stage: found for stage in stages if (found := artifacts(stage))}
        self.manifests = {path: read_manifest(path) for found in self.stages.values() for path in found}
        self._named = {(path.parents[1], path.name): path for path in self.manifests}

    def old(self, rule: Rule, named: Iterable[Path]) -> list[Path]:
        """What may go: artifacts, and the work of killed attempts that nobody went on with.

        Args:
            named: artifacts that are kept in any case.
        """
        finished = {path: datetime.fromisoformat(manifest.finished) for path, manifest in self.manifests.items()}
        if not finished:
            return []
        since = min(max(finished.values()), datetime.fromisoformat(now())) - timedelta(days=rule.days)
        young = [path for path, time in finished.items() if time > since]
        newest = [path for found in self.stages.values() for path in by_age(found)[::-1][: rule.keep]]
        kept = self._with_inputs([*(path.resolve() for path in named), *newest, *young])
        return [path for path in self.manifests if path not in kept] + self._abandoned(since)

    def _abandoned(self, since: datetime) -> list[Path]:
        attempts = {f"{each.run}/{each.stage}/{each.fingerprint}": each for each in RunRegistry(self.root).attempts()}
        partial = {self.root / f"{name}.partial": each.started for name, each in attempts.items()}
        return [path for path, time in partial.items() if path.is_dir() and datetime.fromisoformat(time) < since]

    def _with_inputs(self, kept: Sequence[Path]) -> set[Path]:
        """The artifacts and all that they were made of, in other runs, too."""
        found: set[Path] = set()
        waiting = [path for path in kept if path in self.manifests]
        while waiting:
            path = waiting.pop()
            if path not in found:
                found.add(path)
                waiting += self._made_of(path)
        return found

    def _made_of(self, path: Path) -> list[Path]:
        manifest, run = self.manifests[path], path.parents[1]
        inputs = [self._named[run, name] for name in manifest.inputs.values() if (run, name) in self._named]
        files = (Path(file).resolve() for file in manifest.files)
        return inputs + [folder for file in files for folder in (file, *file.parents) if folder in self.manifests]


def size(folders: Iterable[Path]) -> int:
    """Bytes that are free once the folders are gone: files with other names elsewhere stay."""
    files = [path.stat() for folder in folders for path in folder.rglob("*") if path.is_file()]
    names = Counter(file.st_ino for file in files)
    return sum({file.st_ino: file.st_size for file in files if names[file.st_ino] == file.st_nlink}.values())
