"""The student on ONNX Runtime in int8, from the graphs of `distillation.export.onnx_graph`; encodes apart."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from distillation.output_lists import OutputLists
from distillation.runtime.engine import Array, EncodedMessage, Request, cpu_flags, padded_states, padded_tokens
from distillation.runtime.greedy import search
from pipeline.errors import InputError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

GRAPHS: Final = ("encoder", "source", "step")
TABLE, SCALES, SETTINGS = "embedding.int8.npy", "embedding.scales.npy", "settings.json"
HIDDEN: Final = -1e9
OUTPUTS_KEPT: Final = 64  # output layers of different lists held ready
NEEDED: Final = ("avx512_vnni", "avx_vnni")  # without them products of eight bits saturate in sixteen


class OnnxEngine:
    """Batches of requests on ONNX Runtime.

    Args:
        folder: the `onnx` folder of an export.
        end, pad: ids of these tokens.
        threads: of one operator; one per worker is best, with several workers.
    """

    name = "onnx"

    def __init__(self, folder: Path, end: int, pad: int, threads: int = 1) -> None:
        """Load the graphs.

        Raises:
            InputError: ONNX Runtime or onnx is not installed, the processor lacks the instructions, no graphs there.
        """
        _check_installed()
        _check_processor()
        self.end, self.pad, self.threads = end, pad, threads
        missing = [
            name for name in (*(f"{g}.onnx" for g in GRAPHS), TABLE, SCALES, SETTINGS) if not (folder / name).is_file()
        ]
        if missing:
            raise InputError(f"{folder}: not an ONNX export of a student: no {', '.join(missing)}")
        self.encoder, self.source, self.stepper = (self._session(str(folder / f"{name}.onnx")) for name in GRAPHS)
        self.table_VD = np.load(folder / TABLE, mmap_mode="r", allow_pickle=False)
        self.scales_V = np.load(folder / SCALES, allow_pickle=False)
        self.largest_output = float(json.loads((folder / SETTINGS).read_text(encoding="utf-8"))["largest_output"])
        self.source_names = [output.name for output in self.source.get_outputs()]
        past = [item for item in self.stepper.get_inputs() if item.name.startswith("past_")]
        self.past_shapes = {item.name: (item.shape[1], item.shape[3]) for item in past}
        self._outputs: OrderedDict[bytes, InferenceSession] = OrderedDict()

    def _session(self, model: str | bytes) -> "InferenceSession":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def embed(self, ids: Array) -> Array:
        """Rows of the embedding, scaled: (..., D)."""
        width = self.table_VD.shape[1]
        rows: Array = self.table_VD[ids].astype(np.float32)
        rows *= (self.scales_V[ids] * np.float32(width**0.5))[..., None]
        return rows

    def encode(self, sources: Sequence[Sequence[int]]) -> list[EncodedMessage]:
        """See `Engine`."""
        ids, mask = padded_tokens(sources, self.pad)
        (states,) = self.encoder.run(None, {"embedded": self.embed(ids), "mask": mask})
        return [EncodedMessage(tuple(source), row[: len(source)]) for source, row in zip(sources, states, strict=True)]

    def decode(self, requests: Sequence[Request], lists: OutputLists | None) -> list[list[int]]:
        """See `Engine`. Keys and values of a message are made once, however many languages it is wanted in."""
        distinct = list({id(request.message): request.message for request in requests}.values())
        place = {id(message): number for number, message in enumerate(distinct)}
        states, mask = padded_states(distinct)
        rows = np.array([place[id(request.message)] for request in requests])
        made = self.source.run(None, {"states": states})
        if len(distinct) < len(requests) or (rows != np.arange(len(rows))).any():
            made, mask = [part[rows] for part in made], mask[rows]
        sources = dict(zip(self.source_names, made, strict=True))
        sources["bias"] = ((1 - mask) * HIDDEN)[:, None, None, :].astype(np.float32)
        return search(_Steps(self, sources, len(requests)), requests, self.end, lists)

    def output_layer(self, allowed: Array | None) -> "InferenceSession":
        """The output layer for some pieces, None for all; the latest ones are held ready."""
        from distillation.export.onnx_graph import output_graph

        key = b"" if allowed is None else allowed.tobytes()
        if key not in self._outputs:
            chosen = slice(None) if allowed is None else allowed
            graph = output_graph(np.asarray(self.table_VD[chosen]), self.scales_V[chosen], self.largest_output)
            self._outputs[key] = self._session(graph.SerializeToString())
            if len(self._outputs) > OUTPUTS_KEPT:
                self._outputs.popitem(last=False)
        self._outputs.move_to_end(key)
        return self._outputs[key]


class _Steps:
    """One batch in decoding; see `distillation.runtime.greedy.Steps`."""

    def __init__(self, engine: OnnxEngine, sources: Mapping[str, Array], rows: int) -> None:
        self.engine, self.sources = engine, dict(sources)
        self.past = {
            name: np.zeros((rows, heads, 0, size), np.float32) for name, (heads, size) in engine.past_shapes.items()
        }
        self.length = 0

    def step(self, tokens_A: Array) -> Array:
        """The decoder's output (A, D)."""
        feed: dict[str, Any] = {**self.sources, **self.past, "embedded": self.engine.embed(tokens_A)}
        feed["place"] = np.array(self.length, np.int64)
        out, *present = self.engine.stepper.run(None, feed)
        self.past = dict(zip(self.past, present, strict=True))
        self.length += 1
        found: Array = out
        return found

    def logits(self, out_RD: Array, allowed: Array | None) -> Array:
        """Logits (R, N)."""
        found: Array = self.engine.output_layer(allowed).run(None, {"out": out_RD})[0]
        return found

    def select(self, rows: Array) -> None:
        """Keep `rows`."""
        self.past = {name: part[rows] for name, part in self.past.items()}
        self.sources = {name: part[rows] for name, part in self.sources.items()}


def _check_installed() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise InputError(f"engine onnx needs a package that is not installed: {error.name} (extra `onnx`)") from error


def _check_processor() -> None:
    flags = cpu_flags()
    if flags and not flags & set(NEEDED):
        raise InputError(
            f"engine onnx: this processor has none of {', '.join(NEEDED)}, so int8 products would be wrong silently; "
            "use engine=ctranslate2 or engine=torch"
        )
