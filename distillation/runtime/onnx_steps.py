"""A batch of requests in decoding on ONNX Runtime: what its steps read and write, bound once.

A rows still active, U messages, G rows of each (A = U G), S source tokens, D width, H heads, M tokens that fit.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from distillation.runtime.engine import Array, Request

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, IOBinding, OrtValue

    from distillation.runtime.onnx_engine import OnnxEngine

HIDDEN: Final = -1e9
PAST: Final = "past_"
FIRST_ROOM: Final = 32  # tokens that buffers of keys and values have room for at first; doubled when they are full


class Sources:
    """Keys and values of the sources, kept once for a message while all messages have as many rows.

    Attributes:
        parts: by name (U, S, D).
        mask_US: one where a source token is.
        rows: of each message, G.
    """

    def __init__(self, parts: Mapping[str, Array], mask_US: Array, owner_A: Array) -> None:
        """`owner_A` holds the place of each row's message, in rising order."""
        self.parts, self.mask_US, self.rows = dict(parts), mask_US, 1
        self._take(owner_A)

    def _take(self, owner_A: Array) -> None:
        """Keep what some rows need."""
        places, counts = np.unique(owner_A, return_counts=True)
        even = bool((counts == counts[0]).all())
        wanted, self.rows = (places, int(counts[0])) if even else (owner_A, 1)
        if len(wanted) != len(self.mask_US) or (wanted != np.arange(len(wanted))).any():
            self.parts = {name: part[wanted] for name, part in self.parts.items()}
            self.mask_US = self.mask_US[wanted]

    def select(self, rows: Array) -> None:
        """Keep `rows`, in rising order."""
        self._take(rows // self.rows)

    def fed(self, width: int) -> dict[str, Array]:
        """Inputs of a step."""
        count, length = self.mask_US.shape
        bias = ((1 - self.mask_US) * HIDDEN).astype(np.float32)[:, None, None]
        grid = np.array([count, self.rows, width], np.int64)
        return {**self.parts, "bias": np.broadcast_to(bias, (count, 1, self.rows, length)), "grid": grid}


class OnnxSteps:
    """One batch in decoding; see `distillation.runtime.greedy.Steps`.

    Everything that a step reads and writes lies in buffers that are bound once: a step copies no cache.
    """

    def __init__(self, engine: "OnnxEngine", sources: Sources, requests: Sequence[Request]) -> None:
        """Requests for a message stand together, in the order of `sources`."""
        self.engine, self.sources, self.length = engine, sources, 0
        self.longest = max(1, *(request.limit for request in requests))
        self.past: dict[str, Array] = {}
        self._make_room(len(requests), min(FIRST_ROOM, self.longest))

    def _make_room(self, rows: int, room: int) -> None:
        """Buffers for `rows` rows of up to `room` tokens, the old ones' content copied."""
        self.room, engine = room, self.engine
        for name, (heads, size) in engine.past_shapes.items():
            new = np.empty((rows, heads, room, size), np.float32)  # what is not written yet is not read
            if self.length:
                new[:, :, : self.length] = self.past[name][:, :, : self.length]
            self.past[name] = new
        self._bind(rows)

    def _bind(self, rows: int) -> None:
        from onnxruntime import OrtValue

        width = self.engine.width
        self.embedded = np.empty((rows, 1, width), np.float32)
        self.out = OrtValue.ortvalue_from_numpy(np.empty((rows, 1, width), np.float32))
        self.before = np.full(rows + 1, self.length - 1, np.int32)  # tokens before the newest; and last, with it
        self.before[-1] += 1
        own = {"embedded": self.embedded, "places": self.before[:-1], "length": self.before[-1:].reshape(())}
        fed = {**own, **self.sources.fed(width), **self.past}
        # Kept, since a binding does not keep the memory of what is bound.
        self.fed = {name: OrtValue.ortvalue_from_numpy(np.ascontiguousarray(part)) for name, part in fed.items()}
        self.bound = self.engine.stepper.io_binding()
        for name, value in self.fed.items():
            self.bound.bind_ortvalue_input(name, value)
            if name in self.past:
                self.bound.bind_ortvalue_output(name.replace(PAST, "present_"), value)
        self.bound.bind_ortvalue_output("out", self.out)
        self.layers: dict[tuple[int, int], OutputLayer] = {}

    def step(self, tokens_A: Array) -> None:
        """Feed the newest tokens."""
        if self.length == self.room:
            self._make_room(len(tokens_A), min(2 * self.room, self.longest))
        self.engine.embed(tokens_A, self.embedded[:, 0])
        self.before += 1
        self.engine.stepper.run_with_iobinding(self.bound)
        self.length += 1

    def logits(self, allowed: Array | None, rows: Array | None = None) -> Array:
        """Logits (R, N), good until the next step."""
        key = id(allowed), -1 if rows is None else len(rows)
        if key not in self.layers:
            self.layers[key] = self._output_layer(allowed, rows)
        return self.layers[key](rows)

    def _output_layer(self, allowed: Array | None, rows: Array | None) -> "OutputLayer":
        count = len(self.engine.table_VD) if allowed is None else len(allowed)
        return OutputLayer(self.engine.output_layer(allowed), self.out, count, None if rows is None else len(rows))

    def select(self, rows: Array) -> None:
        """Keep `rows`, in rising order."""
        self.past = {name: part[rows] for name, part in self.past.items()}
        self.sources.select(rows)
        self._bind(len(rows))


class OutputLayer:
    """An output layer bound to what a step leaves, whole or for a fixed number of its rows."""

    def __init__(self, session: "InferenceSession", out: "OrtValue", count: int, some: int | None) -> None:
        """`out` (A, 1, D) of the step; `count` pieces; `some` rows, None for all."""
        from onnxruntime import OrtValue

        self.session, self.out_AD = session, out.numpy()[:, 0]
        self.bound: IOBinding = session.io_binding()
        if some is not None:
            self.some_RD = np.empty((some, self.out_AD.shape[1]), np.float32)
            out = OrtValue.ortvalue_from_numpy(self.some_RD[:, None])
        self.logits_RN = np.empty((out.shape()[0], count), np.float32)
        self.bound.bind_ortvalue_input("out", out)
        self.bound.bind_ortvalue_output("logits", OrtValue.ortvalue_from_numpy(self.logits_RN[:, None]))

    def __call__(self, rows: Array | None) -> Array:
        """Logits (R, N), good until the next call."""
        if rows is not None:
            self.out_AD.take(rows, axis=0, out=self.some_RD, mode="clip")  # all valid
        self.session.run_with_iobinding(self.bound)
        return self.logits_RN
