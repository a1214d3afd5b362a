"""The student as ONNX graphs, written node by node: encoder, keys and values of the source, one decoding step, output.

Why not a traced export: `quantize_dynamic` on a traced graph gives one activation scale to a whole tensor, so that a
translation depends on what else is in its batch. Here a row (one position of one message) never meets another:

    after a norm       one fixed scale for a layer, from the largest value seen on dev messages (rows are normalised)
    after ReLU         rows scaled by their own largest value to 0 ... 255
    after attention    rows scaled by their own largest absolute value to -127 ... 127

    y = (x8 W8) s_x s_W + bias,        W8 with one scale s_W for each output unit

The embedding is also the output layer, so it is kept once, outside the graphs: `embedded` are its rows times sqrt(D);
positions are added inside. Beside standard operators the graphs use those of ONNX Runtime: MatMulIntegerToFloat, and
GroupQueryAttention, which writes the newest keys and values in place, into buffers of M positions, when past and
present are bound to the same memory. Rows may share a source: a step's A = U G rows are those of U messages, G of each.

    encoder   embedded (B, S, D), mask (B, S)                         -> states (B, S, D)
    source    states (U, S, D)                                        -> key_l, value_l (U, S, D)
    step      embedded (A, 1, D), places (A,) and length (): tokens before the newest, and with it;
              grid (3,): U, G, D; bias (U, 1, G, S), key_l, value_l, past_key_l, past_value_l (A, H, M, d)
                                                                      -> out (A, 1, D), present_key_l, present_value_l
    output    out (A, 1, D)                                           -> logits (A, 1, N), for N chosen pieces
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from distillation.export.onnx_nodes import FUSED, UNSIGNED_ZERO, Array, Graph, KeepFloat, array

if TYPE_CHECKING:
    import onnx
    from torch import nn
    from transformers import M2M100ForConditionalGeneration

FIRST_POSITION: Final = 2
HIDDEN: Final = -1e9
OUTPUT: Final = "output"  # name of the output layer among ranges


def _projections(layers: Sequence["nn.Linear"], factors: Sequence[float]) -> tuple[list[Array], list[Array]]:
    """Weights and biases of several projections of one input; a factor scales each (the queries' 1 / sqrt(d))."""
    weights = [array(layer.weight) * factor for layer, factor in zip(layers, factors, strict=True)]
    biases = [array(layer.bias) * factor for layer, factor in zip(layers, factors, strict=True)]
    return weights, biases


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
    length = graph.add("Gather", graph.add("Shape", "embedded"), graph.integers(1))
    table = graph.constant(array(encoder.embed_positions.weights)[FIRST_POSITION:])
    places = graph.add("Slice", table, graph.integers(0), length, graph.integers(0))
    x = graph.add("Add", "embedded", places)
    bias = _bias(graph, length)
    shape = graph.add("Shape", graph.add("Unsqueeze", "mask", graph.integers(2)))
    graph.zeros = graph.add("Expand", graph.constant(np.array(UNSIGNED_ZERO, np.uint8)), shape)
    normed = graph.norm(x, encoder.layers[0].self_attn_layer_norm)
    for place, layer in enumerate(encoder.layers):
        name, own = f"encoder.layers.{place}", layer.self_attn
        layers, factors = [own.q_proj, own.k_proj, own.v_proj], [(width // heads) ** -0.5, 1.0, 1.0]
        query, key, value = graph.products(normed, *_named(layers, factors, f"{name}.self_attn.qkv"))
        context = graph.attention(query, key, value, bias, heads)
        out = graph.product(context, array(own.out_proj.weight), f"{name}.self_attn.out_proj")
        normed, x = graph.joined(out, x, array(own.out_proj.bias), layer.final_layer_norm)
        last = place + 1 == len(encoder.layers)
        following = encoder.layer_norm if last else encoder.layers[place + 1].self_attn_layer_norm
        normed, x = _feed(graph, normed, x, layer, name, following)
    graph.add("Identity", normed, outputs=["states"])
    inputs = [
        _input("embedded", TensorProto.FLOAT, "B", "S", width), _input("mask", TensorProto.FLOAT, "B", "S")
    ]  # fmt: skip
    return graph.model("encoder", inputs, ["states"])


def _named(layers: Sequence["nn.Linear"], factors: Sequence[float], name: str) -> tuple[list[Array], str, list[Array]]:
    """Arguments of `Graph.products` behind the rows."""
    weights, biases = _projections(layers, factors)
    return weights, name, biases


def _bias(graph: Graph, length: str) -> str:
    """What hides padding from every position (B, 1, S, S)."""
    shown = graph.add("Unsqueeze", "mask", graph.integers(1, 2))
    row = graph.add("Mul", graph.add("Sub", graph.scalar(1.0), shown), graph.scalar(HIDDEN))
    shape = graph.add("Concat", graph.integers(1, 1), length, graph.integers(1), axis=0)
    return graph.add("Expand", row, shape)


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

    graph, names = Graph(keep_float, ranges), []
    for place, layer in enumerate(student.model.decoder.layers):
        cross, name = layer.encoder_attn, f"decoder.layers.{place}.encoder_attn.kv"
        made = graph.products("states", *_named([cross.k_proj, cross.v_proj], [1.0, 1.0], name))
        for kind, one in zip(("key", "value"), made, strict=True):
            graph.add("Identity", one, outputs=[f"{kind}_{place}"])
            names.append(f"{kind}_{place}")
    inputs = [_input("states", TensorProto.FLOAT, "U", "S", student.config.d_model)]
    return graph.model("source", inputs, names)


def step_graph(
    student: "M2M100ForConditionalGeneration", keep_float: KeepFloat, ranges: Mapping[str, float]
) -> "onnx.ModelProto":
    """One decoding step for A rows."""
    from onnx import TensorProto

    config, decoder, graph = student.config, student.model.decoder, Graph(keep_float, ranges)
    heads, width = config.decoder_attention_heads, config.d_model
    table = array(decoder.embed_positions.weights)[FIRST_POSITION:, None]
    x = graph.add("Add", "embedded", graph.add("Gather", graph.constant(table), "places"))
    zeros = graph.constant(np.full((len(table), 1, 1), UNSIGNED_ZERO, np.uint8))
    graph.zeros = graph.add("Gather", zeros, "places")  # quicker than to make as many
    inputs = [
        _input("embedded", TensorProto.FLOAT, "A", 1, width), _input("places", TensorProto.INT32, "A"),
        _input("length", TensorProto.INT32), _input("grid", TensorProto.INT64, 3),
        _input("bias", TensorProto.FLOAT, "U", 1, "G", "S"),
    ]  # fmt: skip
    outputs, normed = [], graph.norm(x, decoder.layers[0].self_attn_layer_norm)
    for number, layer in enumerate(decoder.layers):
        for kind in ("key", "value"):
            inputs.append(_input(f"{kind}_{number}", TensorProto.FLOAT, "U", "S", width))
            inputs.append(_input(f"past_{kind}_{number}", TensorProto.FLOAT, "A", heads, "M", width // heads))
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
    context = _own_attention(graph, normed, own, number, heads)
    out = graph.product(context, array(own.out_proj.weight), f"{name}.self_attn.out_proj")
    normed, x = graph.joined(out, x, array(own.out_proj.bias), layer.encoder_attn_layer_norm)
    width = own.out_proj.weight.shape[0]
    factor = (width // heads) ** -0.5
    query = graph.products(normed, *_named([cross.q_proj], [factor], f"{name}.encoder_attn.q_proj"))[0]
    shared = graph.add("Reshape", query, "grid")
    context = graph.attention(shared, f"key_{number}", f"value_{number}", "bias", heads)
    context = graph.add("Reshape", context, graph.integers(-1, 1, width))
    out = graph.product(context, array(cross.out_proj.weight), f"{name}.encoder_attn.out_proj")
    normed, x = graph.joined(out, x, array(cross.out_proj.bias), layer.final_layer_norm)
    return _feed(graph, normed, x, layer, name, following)


def _own_attention(graph: Graph, normed: str, own: Any, number: int, heads: int) -> str:
    """Attention to the tokens written so far, keys and values of the newest added to them (A, 1, D)."""
    factor = (own.out_proj.weight.shape[0] // heads) ** -0.5
    weights, biases = _projections([own.q_proj, own.k_proj, own.v_proj], [factor, 1.0, 1.0])
    name = f"decoder.layers.{number}.self_attn"
    mixed = graph.product(normed, np.concatenate(weights), f"{name}.qkv", np.concatenate(biases))
    mine = [f"{kind}_{part}_{number}" for kind in ("past", "present") for part in ("key", "value")]
    return graph.add(
        "GroupQueryAttention", mixed, "", "", *mine[:2], "places", "length",
        domain=FUSED, outputs=[f"{name}.context", *mine[2:]], num_heads=heads, kv_num_heads=heads, scale=1.0,
    )  # fmt: skip


def output_graph(weight8_ND: Array, scale_N: Array, largest: float) -> "onnx.ModelProto":
    """The output layer for some rows of the vocabulary, from their eight-bit weights and scales.

    Args:
        largest: absolute value that the decoder's normed output stays within.
    """
    from onnx import TensorProto

    graph = Graph(lambda _: False, {})
    logits = graph.fixed("out", [(weight8_ND, scale_N)], largest, [None])[0]
    graph.add("Identity", logits, outputs=["logits"])
    return graph.model("output", [_input("out", TensorProto.FLOAT, "A", 1, weight8_ND.shape[1])], ["logits"])
