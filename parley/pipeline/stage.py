"""What a stage is: a frozen config, the stages it reads, and `run`, which fills a folder, whole or shard by shard."""

import dataclasses
from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, Generic, TypeVar

ConfigT = TypeVar("ConfigT")
NO_INPUTS: Final[Mapping[str, "Stage[Any]"]] = MappingProxyType({})


def transient(default: Any = dataclasses.MISSING, help: str = "") -> Any:
    """A config field that cannot change the result (workers, trackers, ...): fingerprints leave it out."""
    return _field(default, {"transient": True, "help": help})


def added(default: Any, help: str = "") -> Any:
    """A field of a config that results were made with before there was the field; `default` is what they were made by.

    Fingerprints leave it out while it has that value, so that those results are still found.
    """
    return _field(default, {"added": default, "help": help})


@dataclass(frozen=True)
class Shard:
    """A part of a stage's work that can be done apart from the others, by any worker, in any order.

    Attributes:
        name: its folder's name, unique in the stage; shards are merged in the order of their names.
        task: what `run_shard` has to know, as plain JSON values.
    """

    name: str
    task: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Needs:
    """What a stage, or each of its shards, asks of the machine that it runs on.

    Attributes:
        cores: processor cores of the process (0: all of the machine).
        memory_gb: peak memory of the process in GB.
        accelerators: GPUs that it uses where there are any; it runs without.
    """

    cores: int = 1
    memory_gb: float = 2.0
    accelerators: int = 0


class Stage(ABC, Generic[ConfigT]):
    """One step of a run. Its folder is either absent or whole, and the same fingerprint is never run again.

    A stage either has `run`, or `shards`, `run_shard` and `merge`. Which shards there are depends on config and inputs
    alone, never on the number of workers; the merged result does not depend on who ran which, or when.

    Attributes:
        name: folder name under the run; the class has the usual one, an instance may be given its own, so that a run
            can hold one class several times.
        version: raised when the same config would give another result.
        keeps_work: a failed attempt's folder stays for the next attempt (stages with checkpoints). A killed attempt's
            folder always stays.
        distributed: every process of a `torchrun` launch calls `run`; otherwise the first one alone does.
        needs: what one process of the stage, or one shard, asks of its machine.
        published: files and folders copied from the finished stage to `runs/<run>/<stage>/`, where people look.
    """

    name: str
    version: ClassVar[int] = 1
    keeps_work: ClassVar[bool] = False
    distributed: ClassVar[bool] = False
    needs: ClassVar[Needs] = Needs()
    published: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: ConfigT, inputs: Mapping[str, "Stage[Any]"] = NO_INPUTS, name: str = "") -> None:
        """Keep the config, the stages whose folders `run` will be given under the same names, and a name of its own."""
        self.config = config
        self.inputs = dict(inputs)
        self.name = name or type(self).name

    def files(self) -> Sequence[Path]:
        """Outside files and folders that this stage reads; their contents count in the fingerprint."""
        return ()

    def check(self) -> None:
        """Look for mistakes that are cheap to find, before any stage runs.

        Raises:
            InputError: one line that names the file or key.
        """

    def check_processes(self, processes: int, key: str) -> None:
        """Look whether the work can be divided among so many processes, for a stage that is `distributed`.

        Args:
            key: of the config, that asks for them.

        Raises:
            InputError: one line that names both keys that do not fit.
        """

    def shards(self, inputs: Mapping[str, Path]) -> Sequence[Shard]:
        """The parts of the work, for a stage that has any; cheap to call, the same each time."""
        return ()

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        """Do one part.

        Args:
            out: an empty folder of the shard's own, which appears as `shards/<name>` once it is whole.
        """
        raise NotImplementedError(f"{type(self).__name__} says no shards")

    def merge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Make the stage's files from the finished shards in `shard_folders(out)`; leaves these as they are.

        Returns:
            Facts for the manifest, as `run` does. The shards are removed afterwards.
        """
        raise NotImplementedError(f"{type(self).__name__} says no shards")

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Do the work; for a stage with shards, all of them one after the other in this process.

        Args:
            out: folder to write into. It may hold the work of a killed attempt; the stage goes on from what it finds.
            inputs: finished folders of the input stages, read-only.

        Returns:
            Facts for the manifest: plain JSON values.

        Raises:
            InputError: bad input, as one clear line.
        """
        from parley.pipeline.shards import remove_shards, run_shards

        facts = run_shards(self, out, inputs)
        remove_shards(out)
        return facts


def _field(default: Any, metadata: dict[str, Any]) -> Any:
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)
