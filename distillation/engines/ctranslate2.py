"""CTranslate2 in int8: one directory, and one more per target language with its shortlist."""

from pathlib import Path
from typing import TYPE_CHECKING

from distillation.engines.registry import ENGINES, SpecialIds, StudentEngine, TrainedStudent

if TYPE_CHECKING:
    from distillation.runtime.engine import Engine


@ENGINES.register("ctranslate2")
class CTranslate2StudentEngine(StudentEngine):
    """See `distillation.export.ctranslate2_folder` and `distillation.runtime.ctranslate2_engine`."""

    weights = "int8"
    activations = "int8, one scale per row"
    packages = ("ctranslate2",)
    extra = "ctranslate2"

    def write(self, student: TrainedStudent, out: Path) -> None:
        """The model, and a directory of hard links with a shortlist per language."""
        from distillation.export.ctranslate2_folder import write_ctranslate2

        write_ctranslate2(student.folder, out, student.shortlists)

    def load(self, form: Path, ids: SpecialIds, threads: int) -> "Engine":
        """Read the vocabulary; models are loaded when a language first needs them."""
        from distillation.runtime.ctranslate2_engine import CTranslate2Engine

        return CTranslate2Engine(form, threads)
