"""What a stage is: a frozen config, the stages it reads, and `run`, which fills a folder."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, Generic, TypeVar

ConfigT = TypeVar("ConfigT")
NO_INPUTS: Final[Mapping[str, "Stage[Any]"]] = MappingProxyType({})


def transient(default: Any = dataclasses.MISSING, help: str = "") -> Any:
    """A config field that cannot change the result (workers, trackers, ...): fingerprints leave it out."""
    metadata = {"transient": True, "help": help}
    if isinstance(default, list | dict) or dataclasses.is_dataclass(default):
        kept = default
        return dataclasses.field(default_factory=lambda: _copy(kept), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


class Stage(ABC, Generic[ConfigT]):
    """One step of a run. Its folder is either absent or whole, and the same fingerprint is never run again.

    Attributes:
        name: folder name under the run; the class has the usual one, an instance may be given its own, so that a run
            can hold one class several times.
        version: raised when the same config would give another result.
        keeps_work: a failed attempt's folder stays for the next attempt (stages with checkpoints). A killed attempt's
            folder always stays.
        distributed: every process of a `torchrun` launch calls `run`; otherwise the first one alone does.
        published: files and folders copied from the finished stage to `runs/<run>/<stage>/`, where people look.
    """

    name: str
    version: ClassVar[int] = 1
    keeps_work: ClassVar[bool] = False
    distributed: ClassVar[bool] = False
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

    @abstractmethod
    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Do the work.

        Args:
            out: folder to write into. It may hold the work of a killed attempt; the stage goes on from what it finds.
            inputs: finished folders of the input stages, read-only.

        Returns:
            Facts for the manifest: plain JSON values.

        Raises:
            InputError: bad input, as one clear line.
        """


def _copy(value: Any) -> Any:
    return value if dataclasses.is_dataclass(value) else type(value)(value)
