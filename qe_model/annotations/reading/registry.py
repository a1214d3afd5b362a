"""Readers of published annotations by the name of the form, as `qe_data.sources` names it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from parley.registry import Registry
from qe_model.annotations.annotation import AnnotatedTranslation

Reader = Callable[[Path], Iterator[AnnotatedTranslation]]
READERS: Final = Registry[Reader]("form of annotations", "qe_model.annotations.reading")
