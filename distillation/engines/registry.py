"""The engines that run a student: how it is written for each of them, and what runs that.

One file an engine in this package; `distillation.export.engines` names those that a student is exported for, and
`StudentRuntime.load` opens any of them. Nothing heavy is imported before an engine is used.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from parley.pipeline.errors import InputError
from parley.registry import Registry

if TYPE_CHECKING:
    from transformers import M2M100ForConditionalGeneration

    from distillation.runtime.engine import Engine
    from distillation.shortlists import Shortlists


@dataclass(frozen=True)
class TrainedStudent:
    """What an engine's form is made from.

    Attributes:
        model: the float student.
        folder: where it is saved, tokenizer beside it.
        shortlists: the pieces that each target language may be written in.
        input_ranges: largest absolute value that goes into each layer behind a norm, on dev messages.
        keep_float: parts of names of layers that stay in float.
    """

    model: "M2M100ForConditionalGeneration"
    folder: Path
    shortlists: "Shortlists"
    input_ranges: Mapping[str, float]
    keep_float: Sequence[str] = ()


@dataclass(frozen=True)
class SpecialIds:
    """Ids of the tokens that every engine has to know."""

    end: int
    pad: int


class StudentEngine(ABC):
    """One engine: its form of a student lies in the folder of the export, under the engine's name.

    Attributes:
        name: under which it is registered.
        weights, activations: number types of the form, as the report tells them.
        packages: Python packages that it needs, and the extra of this project that brings them.
        keeps_float: whether it can keep single layers in float.
    """

    weights: ClassVar[str] = "float32"
    activations: ClassVar[str] = "float32"
    packages: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = ""
    keeps_float: ClassVar[bool] = False

    def __init__(self, name: str) -> None:
        self.name = name

    def check(self) -> None:
        """Look for the packages.

        Raises:
            InputError: one is not installed.
        """
        for package in self.packages:
            if find_spec(package) is None:
                raise InputError(f"engine {self.name} needs the package {package}: pip install 'parley[{self.extra}]'")

    def form(self, export: Path) -> Path | None:
        """The folder of this engine's form in an export; None when there is none."""
        return export / self.name if (export / self.name).is_dir() else None

    @abstractmethod
    def write(self, student: TrainedStudent, out: Path) -> None:
        """Write the form of a student into `out`, a folder that is not there yet.

        Raises:
            InputError: a student that the engine cannot run.
        """

    @abstractmethod
    def load(self, form: Path, ids: SpecialIds, threads: int) -> "Engine":
        """Load a form that `write` made.

        Raises:
            InputError: not such a form, or a processor that cannot run it.
        """


ENGINES: Final = Registry[type[StudentEngine]]("engine", "distillation.engines")


def engine_named(name: str) -> StudentEngine:
    """The engine of that name.

    Raises:
        InputError: there is none; the message names the nearest, or all.
    """
    return ENGINES[name](name)
