"""The float student as `transformers` runs it: the reference that other engines are held against."""

from pathlib import Path
from typing import TYPE_CHECKING

from distillation.engines.registry import ENGINES, SpecialIds, StudentEngine, TrainedStudent

if TYPE_CHECKING:
    from distillation.runtime.engine import Engine


@ENGINES.register("torch")
class TorchStudentEngine(StudentEngine):
    """See `distillation.runtime.torch_engine`."""

    def form(self, export: Path) -> Path | None:
        """A form of its own, or the folder itself where that is a saved student."""
        return super().form(export) or (export if (export / "config.json").is_file() else None)

    def write(self, student: TrainedStudent, out: Path) -> None:
        """The student as it is."""
        student.model.save_pretrained(out)

    def load(self, form: Path, ids: SpecialIds, threads: int) -> "Engine":
        """Load the weights; `threads` of PyTorch are the process's."""
        from distillation.runtime.torch_engine import TorchEngine

        return TorchEngine.load(form, ids.end)
