"""The student on ONNX Runtime in int8, from the graphs of `distillation.export.onnx_graph`; encodes apart."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from distillation.output_lists import OutputLists
from distillation.runtime.engine import (
    Array,
    EncodedMessage,
    Request,
    cpu_flags,
    length_groups,
    padded_states,
    padded_tokens,
)
from distillation.runtime.greedy import by_language, search
from pipeline.errors import InputError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

GRAPHS: Final = ("encoder", "source", "step")
TABLE, SCALES, SETTINGS = "embedding.int8.npy", "embedding.scales.npy", "settings.json"
HIDDEN: Final = -1e9
PAST: Final = "past_"
FIRST_ROOM: Final = 32  # tokens that buffers of keys and values have room for at first; doubled when they are full
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
        self.table_VD: Array = np.asarray(np.load(folder / TABLE, mmap_mode="r", allow_pickle=False))
        self.scales_V: Array = np.load(folder / SCALES, allow_pickle=False)
        self.input_scales_V = self.scales_V * np.float32(self.table_VD.shape[1] ** 0.5)
        self.largest_output = float(json.loads((folder / SETTINGS).read_text(encoding="utf-8"))["largest_output"])
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
        rows: Array = np.multiply(self.table_VD[ids], self.input_scales_V[ids][..., None], out=out)
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

    def decode(self, requests: Sequence[Request], lists: OutputLists | None) -> list[list[int]]:
        """See `Engine`."""
        return by_language(
            requests, lambda told: search(_Steps(self, self._sources(told), told), told, self.end, lists)
        )  # fmt: skip

    def _sources(self, requests: Sequence[Request]) -> dict[str, Array]:
        """Keys and values of the sources, made once for each message, and what hides padding."""
        messages = {id(request.message): request.message for request in requests}
        places = {key: place for place, key in enumerate(messages)}
        states, mask = padded_states(list(messages.values()))
        made = dict(zip(self.source_names, self.source.run(None, {"states": states}), strict=True))
        made["bias"] = ((1 - mask) * HIDDEN)[:, None, None, :].astype(np.float32)
        if len(messages) == len(requests):
            return made
        rows = [places[id(request.message)] for request in requests]
        return {name: part[rows] for name, part in made.items()}

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


class _Steps:
    """One batch in decoding; see `distillation.runtime.greedy.Steps`.

    Everything that a step reads and writes lies in buffers that are bound once: a step copies no cache.
    """

    def __init__(self, engine: OnnxEngine, sources: Mapping[str, Array], requests: Sequence[Request]) -> None:
        self.engine, self.sources, self.length = engine, dict(sources), 0
        self.longest = max(1, *(request.limit for request in requests))
        self.past: dict[str, Array] = {}
        self._make_room(len(requests), min(FIRST_ROOM, self.longest))

    def _make_room(self, rows: int, room: int) -> None:
        """Buffers for `rows` rows of up to `room` tokens, the old ones' content copied."""
        self.room, engine = room, self.engine
        for name, (heads, size) in engine.past_shapes.items():
            new = np.zeros((rows, heads, room, size), np.float32)
            if self.length:
                new[:, :, : self.length] = self.past[name][:, :, : self.length]
            self.past[name] = new
        self._bind(rows)

    def _bind(self, rows: int) -> None:
        from onnxruntime import OrtValue

        width = self.engine.table_VD.shape[1]
        self.embedded, self.out = (np.empty((rows, width), np.float32) for _ in range(2))
        self.places, self.total = np.zeros(rows, np.int32), np.zeros((), np.int32)
        fed = {"embedded": self.embedded, "places": self.places, "length": self.total, **self.sources, **self.past}
        values = {name: OrtValue.ortvalue_from_numpy(np.ascontiguousarray(part)) for name, part in fed.items()}
        self.bound = self.engine.stepper.io_binding()
        for name, value in values.items():
            self.bound.bind_ortvalue_input(name, value)
            if name in self.past:
                self.bound.bind_ortvalue_output(name.replace(PAST, "present_"), value)
        self.bound.bind_ortvalue_output("out", OrtValue.ortvalue_from_numpy(self.out))

    def step(self, tokens_A: Array) -> Array:
        """The decoder's output (A, D), good until the next step."""
        if self.length == self.room:
            self._make_room(len(tokens_A), min(2 * self.room, self.longest))
        self.engine.embed(tokens_A, self.embedded)
        self.places[:], self.total[()] = self.length, self.length + 1
        self.engine.stepper.run_with_iobinding(self.bound)
        self.length += 1
        return self.out

    def logits(self, out_RD: Array, allowed: Array | None) -> Array:
        """Logits (R, N)."""
        found: Array = self.engine.output_layer(allowed).run(None, {"out": out_RD})[0]
        return found

    def select(self, rows: Array) -> None:
        """Keep `rows`."""
        self.past = {name: part[rows] for name, part in self.past.items()}
        self.sources = {name: part[rows] for name, part in self.sources.items()}
        self._bind(len(rows))


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
