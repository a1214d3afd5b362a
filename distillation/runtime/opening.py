"""The forms of an export that can translate, and one of them as a translator: what an evaluation is handed."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from distillation.config import ExportConfig

if TYPE_CHECKING:
    from distillation.runtime.student_runtime import StudentRuntime

FORMS: Final = ("onnx", "ctranslate2")  # the first that a folder holds is the one that is shipped


def translating_forms(config: ExportConfig) -> list[str]:
    """Forms that an export makes and the runtime can use, the one to ship first."""
    return [form for form in FORMS if getattr(config, form)]


def open_form(folder: Path, form: str, threads: int = 0) -> "StudentRuntime":
    """One form of an export; `threads` 0 takes all cores of this process.

    Raises:
        InputError: the folder lacks it, or its engine is not installed.
    """
    from distillation.runtime.student_runtime import StudentRuntime

    return StudentRuntime.load(folder, form, threads or len(os.sched_getaffinity(0)))
