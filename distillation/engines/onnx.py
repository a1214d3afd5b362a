"""ONNX Runtime on graphs of our own: encodes apart, int8, a message never depends on its batch mates."""

from pathlib import Path
from typing import TYPE_CHECKING

from distillation.engines.registry import ENGINES, SpecialIds, StudentEngine, TrainedStudent

if TYPE_CHECKING:
    from distillation.runtime.engine import Engine


@ENGINES.register("onnx")
class OnnxStudentEngine(StudentEngine):
    """See `distillation.export.onnx_graph` and `distillation.runtime.onnx_engine`."""

    weights = "int8"
    activations = "int8, fixed scales behind norms, else one per row"
    packages = ("onnx", "onnxruntime")
    extra = "onnx"
    keeps_float = True

    def write(self, student: TrainedStudent, out: Path) -> None:
        """Encoder, keys and values of the source, a decoding step, and the embedding beside them."""
        from distillation.export.onnx_folder import write_onnx

        write_onnx(student.model, out, student.input_ranges, student.keep_float)

    def load(self, form: Path, ids: SpecialIds, threads: int) -> "Engine":
        """Load the graphs."""
        from distillation.runtime.onnx_engine import OnnxEngine

        return OnnxEngine(form, ids.end, ids.pad, threads)
