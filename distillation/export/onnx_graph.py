"""The student as ONNX graphs, written node by node: encoder, keys and values of the source, one decoding step, output.

Why not a traced export: `quantize_dynamic` on a traced graph gives one activation scale to a whole tensor, so that a
translation depends on what else is in its batch. Here a row (one position of one message) never meets another:

    after a norm       one fixed scale for a layer, from the largest value seen on dev messages (rows are normalised)
    after ReLU         rows scaled by their own largest value to 0 ... 255
    after attention    rows scaled by their own largest absolute value to -127 ... 127

    y = (x8 W8) s_x s_W + bias,        W8 with one scale s_W for each output unit

The embedding is also the output layer, so it is kept once, outside the graphs: `embedded` are its rows times sqrt(D);
positions are added inside. Beside standard operators the graphs use those of ONNX Runtime: MatMulIntegerToFloat,
MultiHeadAttention, and GroupQueryAttention, which writes the newest keys and values in place, into buffers of M
positions, when past and present are bound to the same memory.

    encoder   embedded (B, S, D), mask (B, S)                         -> states (B, S, D)
    source    states (B, S, D)                                        -> key_l, value_l (B, H, S, d)
    step      embedded (A, D), places (A,) and length (): tokens before the newest, and with it;
              bias (A, 1, 1, S), key_l, value_l, past_key_l, past_value_l (A, H, M, d)
                                                                      -> out (A, D), present_key_l, present_value_l
    output    out (A, D)                                              -> logits (A, N), for N chosen pieces
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import onnx
    from torch import nn
    from transformers import M2M100ForConditionalGeneration

OPSET: Final = 20
FUSED: Final = "com.microsoft"  # domain of ONNX Runtime's own operators
FIRST_POSITION: Final = 2
HIDDEN: Final = -1e9
Array = np.ndarray[Any, np.dtype[Any]]
KeepFloat = Callable[[str], bool]
OUTPUT: Final = "output"  # name of the output layer among ranges


def quantized(weight_ND: Array) -> tuple[Array, Array]:
    """Weights (N, D) as int8 and their scale per row (N,): symmetric, the largest value is 127."""
    scale_N = np.maximum(np.abs(weight_ND).max(1), 1e-12) / 127
    return np.rint(weight_ND / scale_N[:, None]).astype(np.int8), scale_N.astype(np.float32)


class Graph:
    """Collects nodes and weights. Every method that adds a node gives the name of its output."""

    def __init__(self, keep_float: KeepFloat, ranges: Mapping[str, float]) -> None:
        """`keep_float` says of a layer's name whether its product stays in float; `ranges` holds the largest absolute
        value of what goes into the layers behind norms."""
        self.keep_float, self.ranges = keep_float, ranges
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._count = 0

    def constant(self, value: Array, name: str = "") -> str:
        """Add a weight."""
        from onnx import numpy_helper

        self._count += 1
        name = name or f"constant_{self._count}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def add(self, op: str, *inputs: str, domain: str = "", outputs: Sequence[str] = (), **attributes: Any) -> str:
        """Add a node; gives its first output."""
        from onnx import helper

        self._count += 1
        names = list(outputs) or [f"{op}_{self._count}"]
        self.nodes.append(helper.make_node(op, list(inputs), names, domain=domain, **attributes))
        return names[0]

    def integers(self, *values: int) -> str:
        """A constant shape or index."""
        return self.constant(np.array(values, np.int64))

    def scalar(self, value: float) -> str:
        """A float constant."""
        return self.constant(np.array(value, np.float32))

    def norm(self, x: str, layer: "nn.LayerNorm") -> str:
        """Layer normalisation over the last dimension."""
        weight, bias = self.constant(array(layer.weight)), self.constant(array(layer.bias))
        return self.add("LayerNormalization", x, weight, bias, axis=-1, epsilon=layer.eps)

    def product(self, x: str, weight_ND: Array, name: str, bias_N: Array | None = None) -> str:
        """`x W^T + b` for rows `x` (R, D), in int8 unless the layer stays in float.

        What goes into a layer `fc2` passes through ReLU first; eight bits without a sign cut it off for nothing.
        """
        if self.keep_float(name):
            x = self.add("Relu", x) if name.endswith("fc2") else x
            return self._biased(self.add("MatMul", x, self.constant(weight_ND.T.astype(np.float32))), bias_N)
        weight8_ND, scale_N = quantized(weight_ND)
        if name in self.ranges:
            return self.fixed(x, weight8_ND, scale_N, self.ranges[name], bias_N)
        by_row = self._positive if name.endswith("fc2") else self._signed
        eight, zero, row_scale, unit = by_row(x)
        whole = self._multiplied(eight, weight8_ND, scale_N, self.scalar(unit), zero)
        return self._biased(self.add("Mul", whole, row_scale), bias_N)

    def _biased(self, x: str, bias_N: Array | None) -> str:
        return x if bias_N is None else self.add("Add", x, self.constant(bias_N))

    def fixed(self, x: str, weight8_ND: Array, scale_N: Array, largest: float, bias_N: Array | None = None) -> str:
        """`x W^T + b` with one scale for all rows; values beyond `largest` are cut to it."""
        scale, zero = self.scalar(largest / 127), self.constant(np.array(128, np.uint8))
        eight = self.add("QuantizeLinear", x, scale, zero)
        return self._multiplied(eight, weight8_ND, scale_N, scale, zero, bias_N)

    def _multiplied(
        self, eight: str, weight8_ND: Array, scale_N: Array, scale: str, zero: str, bias_N: Array | None = None
    ) -> str:
        weight, scales = self.constant(weight8_ND.T), self.constant(scale_N)
        optional = [zero] if bias_N is None else [zero, "", self.constant(bias_N)]
        return self.add("MatMulIntegerToFloat", eight, weight, scale, scales, *optional, domain=FUSED)

    def _positive(self, x: str) -> tuple[str, str, str, float]:
        """Rows behind ReLU as 0 ... 255: bytes, their zero, a scale for each row (R, 1), one for all."""
        largest_R = self.add("ReduceMax", x, self.integers(-1), keepdims=0)
        scale_R = self.add("Max", self.add("Mul", largest_R, self.scalar(1 / 255)), self.scalar(1e-12))
        eight = self.add("QuantizeLinear", x, scale_R, axis=0)
        return eight, "", self.add("Unsqueeze", scale_R, self.integers(1)), 1.0

    def _signed(self, x: str) -> tuple[str, str, str, float]:
        """Rows as -127 ... 127 around 128; results as above."""
        largest = self.add("ReduceMax", self.add("Abs", x), self.integers(-1), keepdims=1)
        scale, zero = self.add("Add", largest, self.scalar(1e-9)), self.constant(np.array(128, np.uint8))
        eight = self.add("QuantizeLinear", self.add("Div", x, scale), self.scalar(1 / 127), zero)
        return eight, zero, scale, 1 / 127

    def joined(self, branch: str, x: str, bias_N: Array, norm: "nn.LayerNorm") -> tuple[str, str]:
        """`x + branch + bias` after and before the norm that follows it.

        ONNX Runtime's SkipLayerNormalization does it in one node and takes four times as long on a CPU.
        """
        total = self.add("Add", x, self.add("Add", branch, self.constant(bias_N)))
        return self.norm(total, norm), total

    def attention(self, query: str, key_t: str, value: str, bias: str) -> str:
        """Softmax(q k + bias) v; q is scaled already and k transposed: (B, H, T, d), (B, H, d, S), (B, H, S, d).

        For whole messages this is quicker than MultiHeadAttention, for single positions it is slower.
        """
        scores = self.add("Add", self.add("MatMul", query, key_t), bias)
        return self.add("MatMul", self.add("Softmax", scores, axis=-1), value)

    def model(self, name: str, inputs: "Sequence[onnx.ValueInfoProto]", outputs: Sequence[str]) -> "onnx.ModelProto":
        """The finished model; outputs are float of any shape."""
        from onnx import TensorProto, helper

        results = [helper.make_tensor_value_info(output, TensorProto.FLOAT, None) for output in outputs]
        graph = helper.make_graph(self.nodes, name, list(inputs), results, self.weights)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="parley")


def array(tensor: Any) -> Array:
    """A parameter as float32."""
    found: Array = tensor.detach().float().cpu().numpy()
    return found


def _fused(layers: Sequence["nn.Linear"], factors: Sequence[float]) -> tuple[Array, Array]:
    """Several projections of one input as one; a factor scales each (the queries' 1 / sqrt(d))."""
    weights = [array(layer.weight) * factor for layer, factor in zip(layers, factors, strict=True)]
    biases = [array(layer.bias) * factor for layer, factor in zip(layers, factors, strict=True)]
    return np.concatenate(weights), np.concatenate(biases)


def _input(name: str, kind: int, *shape: Any) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(name, kind, list(shape))


def encoder_graph(
    student: "M2M100ForConditionalGeneration", keep_float: KeepFloat, ranges: Mapping[str, float]
) -> "onnx.ModelProto":
    """Embedded tokens to states; see the module's text."""
    from onnx import TensorProto

    config, encoder, graph = student.config, student.model.encoder, Graph(keep_float, ranges)
    heads, width = config.encoder_attention_heads, config.d_model
    whole = graph.add("Shape", "embedded")
    apart = _shape(graph, whole, 3, heads, width // heads)
    table = graph.constant(array(encoder.embed_positions.weights)[FIRST_POSITION:])
    length = graph.add("Gather", whole, graph.integers(1))
    places = graph.add("Slice", table, graph.integers(0), length, graph.integers(0))
    x = graph.add("Reshape", graph.add("Add", "embedded", places), graph.integers(-1, width))
    shown = graph.add("Unsqueeze", "mask", graph.integers(1, 2))
    bias = graph.add("Mul", graph.add("Sub", graph.scalar(1.0), shown), graph.scalar(HIDDEN))
    normed = graph.norm(x, encoder.layers[0].self_attn_layer_norm)
    for place, layer in enumerate(encoder.layers):
        name, own = f"encoder.layers.{place}", layer.self_attn
        weight, vector = _fused([own.q_proj, own.k_proj, own.v_proj], [(width // heads) ** -0.5, 1.0, 1.0])
        mixed = graph.product(normed, weight, f"{name}.self_attn.qkv", vector)
        parts = graph.add("Reshape", mixed, apart)
        query, key_t, value = (
            graph.add("Transpose", graph.add("Gather", parts, graph.constant(np.array(n)), axis=2), perm=order)
            for n, order in enumerate(([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]))
        )
        context = graph.add("Transpose", graph.attention(query, key_t, value, bias), perm=[0, 2, 1, 3])
        context = graph.add("Reshape", context, graph.integers(-1, width))
        out = graph.product(context, array(own.out_proj.weight), f"{name}.self_attn.out_proj")
        normed, x = graph.joined(out, x, array(own.out_proj.bias), layer.final_layer_norm)
        last = place + 1 == len(encoder.layers)
        following = encoder.layer_norm if last else encoder.layers[place + 1].self_attn_layer_norm
        normed, x = _feed(graph, normed, x, layer, name, following)
    graph.add("Reshape", normed, whole, outputs=["states"])
    inputs = [
        _input("embedded", TensorProto.FLOAT, "B", "S", width), _input("mask", TensorProto.FLOAT, "B", "S")
    ]  # fmt: skip
    return graph.model("encoder", inputs, ["states"])


def _shape(graph: Graph, whole: str, *last: int) -> str:
    """The first two dimensions of a shape, then others."""
    first = graph.add("Slice", whole, graph.integers(0), graph.integers(2))
    return graph.add("Concat", first, graph.integers(*last), axis=0)


def _feed(graph: Graph, normed: str, x: str, layer: Any, name: str, following: "nn.LayerNorm") -> tuple[str, str]:
    """A feed-forward: what it leaves after and before the norm that follows."""
    inner = graph.product(normed, array(layer.fc1.weight), f"{name}.fc1", array(layer.fc1.bias))
    out = graph.product(inner, array(layer.fc2.weight), f"{name}.fc2")
    return graph.joined(out, x, array(layer.fc2.bias), following)


def source_graph(
    student: "M2M100ForConditionalGeneration", keep_float: KeepFloat, ranges: Mapping[str, float]
) -> "onnx.ModelProto":
    """States to the decoder layers' keys and values of the source, made once per message."""
    from onnx import TensorProto

    config, graph, names = student.config, Graph(keep_float, ranges), []
    heads, width = config.decoder_attention_heads, config.d_model
    apart = _shape(graph, graph.add("Shape", "states"), 2, heads, width // heads)
    rows = graph.add("Reshape", "states", graph.integers(-1, width))
    for place, layer in enumerate(student.model.decoder.layers):
        cross = layer.encoder_attn
        weight, vector = _fused([cross.k_proj, cross.v_proj], [1.0, 1.0])
        mixed = graph.product(rows, weight, f"decoder.layers.{place}.encoder_attn.kv", vector)
        parts = graph.add("Reshape", mixed, apart)
        for n, kind in enumerate(("key", "value")):
            one = graph.add("Gather", parts, graph.constant(np.array(n)), axis=2)
            graph.add("Transpose", one, outputs=[f"{kind}_{place}"], perm=[0, 2, 1, 3])
            names.append(f"{kind}_{place}")
    return graph.model("source", [_input("states", TensorProto.FLOAT, "B", "S", width)], names)


def step_graph(
    student: "M2M100ForConditionalGeneration", keep_float: KeepFloat, ranges: Mapping[str, float]
) -> "onnx.ModelProto":
    """One decoding step for A rows."""
    from onnx import TensorProto

    config, decoder, graph = student.config, student.model.decoder, Graph(keep_float, ranges)
    heads, width = config.decoder_attention_heads, config.d_model
    size = width // heads
    table = graph.constant(array(decoder.embed_positions.weights)[FIRST_POSITION:])
    x = graph.add("Add", "embedded", graph.add("Gather", table, "places"))
    inputs = [
        _input("embedded", TensorProto.FLOAT, "A", width), _input("places", TensorProto.INT32, "A"),
        _input("length", TensorProto.INT32), _input("bias", TensorProto.FLOAT, "A", 1, 1, "S"),
    ]  # fmt: skip
    outputs, normed = [], graph.norm(x, decoder.layers[0].self_attn_layer_norm)
    for number, layer in enumerate(decoder.layers):
        for kind in ("key", "value"):
            inputs.append(_input(f"{kind}_{number}", TensorProto.FLOAT, "A", heads, "S", size))
            inputs.append(_input(f"past_{kind}_{number}", TensorProto.FLOAT, "A", heads, "M", size))
            outputs.append(f"present_{kind}_{number}")
        last = number + 1 == len(decoder.layers)
        following = decoder.layer_norm if last else decoder.layers[number + 1].self_attn_layer_norm
        normed, x = _decoder_layer(graph, normed, x, layer, number, heads, following)
    graph.add("Identity", normed, outputs=["out"])
    return graph.model("step", inputs, ["out", *outputs])


def _decoder_layer(
    graph: Graph, normed: str, x: str, layer: Any, number: int, heads: int, following: "nn.LayerNorm"
) -> tuple[str, str]:
    name, own, cross = f"decoder.layers.{number}", layer.self_attn, layer.encoder_attn
    width = own.out_proj.weight.shape[0]
    flat, factor = graph.integers(-1, width), (width // heads) ** -0.5
    weight, vector = _fused([own.q_proj, own.k_proj, own.v_proj], [factor, 1.0, 1.0])
    mixed = graph.product(normed, weight, f"{name}.self_attn.qkv", vector)
    mine = [f"{kind}_{part}_{number}" for kind in ("past", "present") for part in ("key", "value")]
    context = graph.add(
        "GroupQueryAttention", graph.add("Unsqueeze", mixed, graph.integers(1)), "", "", *mine[:2], "places", "length",
        domain=FUSED, outputs=[f"{name}.own", *mine[2:]], num_heads=heads, kv_num_heads=heads, scale=1.0,
    )  # fmt: skip
    out = graph.product(graph.add("Reshape", context, flat), array(own.out_proj.weight), f"{name}.self_attn.out_proj")
    normed, x = graph.joined(out, x, array(own.out_proj.bias), layer.encoder_attn_layer_norm)
    weight, vector = _fused([cross.q_proj], [factor])
    query = graph.product(normed, weight, f"{name}.encoder_attn.q_proj", vector)
    query = graph.add("Unsqueeze", query, graph.integers(1))
    kept = f"key_{number}", f"value_{number}", "", "", "bias"
    context = graph.add("MultiHeadAttention", query, *kept, domain=FUSED, num_heads=heads, scale=1.0)
    flattened = graph.add("Reshape", context, flat)
    out = graph.product(flattened, array(cross.out_proj.weight), f"{name}.encoder_attn.out_proj")
    normed, x = graph.joined(out, x, array(cross.out_proj.bias), layer.final_layer_norm)
    return _feed(graph, normed, x, layer, name, following)


def output_graph(weight8_ND: Array, scale_N: Array, largest: float) -> "onnx.ModelProto":
    """The output layer for some rows of the vocabulary, from their eight-bit weights and scales.

    Args:
        largest: absolute value that the decoder's normed output stays within.
    """
    from onnx import TensorProto

    graph = Graph(lambda _: False, {})
    graph.add("Identity", graph.fixed("out", weight8_ND, scale_N, largest), outputs=["logits"])
    return graph.model("output", [_input("out", TensorProto.FLOAT, "A", weight8_ND.shape[1])], ["logits"])
