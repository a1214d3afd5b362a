"""The student as a folder of ONNX graphs with its embedding beside them, in int8."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distillation.export.onnx_graph import OUTPUT, encoder_graph, source_graph, step_graph
from distillation.export.onnx_nodes import array, quantized
from distillation.runtime.onnx_engine import GRAPHS_VERSION, SCALES, SETTINGS, TABLE
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from transformers import M2M100ForConditionalGeneration


def write_onnx(
    student: "M2M100ForConditionalGeneration",
    out: Path,
    ranges: "Mapping[str, float]",
    keep_float: "Sequence[str]" = (),
) -> None:
    """Write `encoder.onnx`, `source.onnx`, `step.onnx`, and the embedding, which is the output layer too.

    Args:
        ranges: largest absolute value of what goes into layers behind norms, by layer (`quantization.input_ranges`).
        keep_float: parts of names of layers whose weights and products stay in float.

    Raises:
        InputError: an output layer that is not the embedding.
    """
    import onnx

    if student.lm_head.weight.data_ptr() != student.model.shared.weight.data_ptr():
        raise InputError("the student's output layer is not its embedding: cannot be exported")
    out.mkdir(parents=True)

    def kept(name: str) -> bool:
        return any(part in name for part in keep_float)

    for name, make in (("encoder", encoder_graph), ("source", source_graph), ("step", step_graph)):
        onnx.save(make(student, kept, ranges), str(out / f"{name}.onnx"))
    table, scales = quantized(array(student.model.shared.weight))
    np.save(out / TABLE, table, allow_pickle=False)
    np.save(out / SCALES, scales, allow_pickle=False)
    write_json(out / SETTINGS, {"graphs": GRAPHS_VERSION, "largest_output": ranges[OUTPUT]})
