"""The student on ONNX Runtime in int8, from the graphs of `distillation.export.onnx_graph`; encodes apart."""

import json
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from distillation.runtime.engine import (
    Array,
    EncodedMessage,
    Request,
    cpu_flags,
    length_groups,
    padded_states,
    padded_tokens,
)
from distillation.runtime.greedy import search
from distillation.runtime.onnx_steps import PAST, OnnxSteps, Sources
from distillation.shortlists import Shortlists
from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

GRAPHS: Final = ("encoder", "source", "step")
TABLE, SCALES, SETTINGS = "embedding.int8.npy", "embedding.scales.npy", "settings.json"
GRAPHS_VERSION: Final = 2  # of what goes in and out of them
OUTPUTS_KEPT: Final = 64  # output layers of different shortlists held ready
NEEDED: Final = ("avx512_vnni", "avx_vnni")  # without them products of eight bits saturate in sixteen


class OnnxEngine:
    """Batches of requests on ONNX Runtime.

    Args:
        folder: the `onnx` folder of an export.
        end, pad: ids of these tokens.
        threads: of one operator; one per worker is best, with several workers.
    """

    def __init__(self, folder: Path, end: int, pad: int, threads: int = 1) -> None:
        """Load the graphs.

        Raises:
            InputError: the processor lacks the instructions, no graphs there, or those of another version.
        """
        _check_processor()
        self.end, self.pad, self.threads = end, pad, threads
        missing = [
            name for name in (*(f"{g}.onnx" for g in GRAPHS), TABLE, SCALES, SETTINGS) if not (folder / name).is_file()
        ]
        if missing:
            raise InputError(f"{folder}: not an ONNX export of a student: no {', '.join(missing)}")
        settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        if settings.get("graphs") != GRAPHS_VERSION:
            raise InputError(f"{folder}: graphs of another version of this project: export the student again")
        self.encoder, self.source, self.stepper = (self._session(str(folder / f"{name}.onnx")) for name in GRAPHS)
        self.table_VD: Array = np.asarray(np.load(folder / TABLE, mmap_mode="r", allow_pickle=False))
        self.scales_V: Array = np.load(folder / SCALES, allow_pickle=False)
        self.width = self.table_VD.shape[1]
        self.input_scales_V = self.scales_V * np.float32(self.width**0.5)
        self.largest_output = float(settings["largest_output"])
        self.source_names = [output.name for output in self.source.get_outputs()]
        past = [item for item in self.stepper.get_inputs() if item.name.startswith(PAST)]
        self.past_shapes = {item.name: (item.shape[1], item.shape[3]) for item in past}
        self._outputs: OrderedDict[int, tuple[Array | None, InferenceSession]] = OrderedDict()

    def _session(self, model: str | bytes) -> "InferenceSession":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def embed(self, ids: Array, out: Array | None = None) -> Array:
        """Rows of the embedding, scaled: (..., D)."""
        rows: Array = np.multiply(self.table_VD.take(ids, 0), self.input_scales_V.take(ids)[..., None], out=out)
        return rows

    def encode(self, sources: Sequence[Sequence[int]]) -> list[EncodedMessage]:
        """See `Engine`."""
        found: list[EncodedMessage] = [EncodedMessage(tuple(source)) for source in sources]
        for group in length_groups([len(source) for source in sources]):
            ids, mask = padded_tokens([sources[place] for place in group], self.pad)
            (states,) = self.encoder.run(None, {"embedded": self.embed(ids), "mask": mask})
            for place, row in zip(group, states, strict=True):
                found[place] = EncodedMessage(found[place].tokens, row[: len(found[place].tokens)])
        return found

    def decode(self, requests: Sequence[Request], shortlists: Shortlists | None) -> list[list[int]]:
        """See `Engine`. Requests for a message are decoded beside each other, so that they share its source."""
        messages = {id(request.message): request.message for request in requests}
        places = {key: place for place, key in enumerate(messages)}
        owner_A = np.array([places[id(request.message)] for request in requests], np.int64)
        order = np.argsort(owner_A, kind="stable")
        told = [requests[place] for place in order]
        steps = OnnxSteps(self, self._sources(list(messages.values()), owner_A[order]), told)
        results: list[list[int]] = [[] for _ in requests]
        for place, tokens in zip(order, search(steps, told, self.end, shortlists), strict=True):
            results[place] = tokens
        return results

    def _sources(self, messages: Sequence[EncodedMessage], owner_A: Array) -> Sources:
        """Keys and values of the sources, made once for each message."""
        states, mask = padded_states(messages)
        return Sources(
            dict(zip(self.source_names, self.source.run(None, {"states": states}), strict=True)), mask, owner_A
        )

    def output_layer(self, allowed: Array | None) -> "InferenceSession":
        """The output layer for some pieces, None for all; the latest ones are held ready, known by the array itself."""
        from distillation.export.onnx_graph import output_graph

        key = id(allowed)
        if key not in self._outputs:
            chosen = slice(None) if allowed is None else allowed
            graph = output_graph(np.asarray(self.table_VD[chosen]), self.scales_V[chosen], self.largest_output)
            self._outputs[key] = allowed, self._session(graph.SerializeToString())
            if len(self._outputs) > OUTPUTS_KEPT:
                self._outputs.popitem(last=False)
        self._outputs.move_to_end(key)
        return self._outputs[key][1]


def _check_processor() -> None:
    flags = cpu_flags()
    if flags and not flags & set(NEEDED):
        raise InputError(
            f"engine onnx: this processor has none of {', '.join(NEEDED)}, so int8 products would be wrong silently; "
            "use engine=ctranslate2 or engine=torch"
        )
