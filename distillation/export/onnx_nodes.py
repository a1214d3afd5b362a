"""Nodes and weights of an ONNX graph, collected: products in eight bits, norms, attention.

R stands for the rows of a batch, whatever dimensions they are spread over; D is the width.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import onnx
    from torch import nn

OPSET: Final = 23
FUSED: Final = "com.microsoft"  # domain of ONNX Runtime's own operators
UNSIGNED_ZERO: Final = 128  # what zero is among bytes without a sign
Array = np.ndarray[Any, np.dtype[Any]]
KeepFloat = Callable[[str], bool]


def array(tensor: Any) -> Array:
    """A parameter as float32."""
    found: Array = tensor.detach().float().cpu().numpy()
    return found


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
        self.zeros = ""  # what zero is among bytes, for each row (a, b, 1) of (a, b, D): a graph sets it
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
        """`x W^T + b` for rows `x` (R, D), in int8 unless the layer stays in float."""
        return self.products(x, [weight_ND], name, None if bias_N is None else [bias_N])[0]

    def products(
        self, x: str, weights_ND: Sequence[Array], name: str, biases_N: Sequence[Array] | None = None
    ) -> list[str]:
        """Several products of the same rows, rounded once.

        What goes into a layer `fc2` passes through ReLU first; eight bits without a sign cut it off for nothing.
        """
        biases = [None] * len(weights_ND) if biases_N is None else list(biases_N)
        if self.keep_float(name):
            x = self.add("Relu", x) if name.endswith("fc2") else x
            plain = [self.add("MatMul", x, self.constant(weight.T.astype(np.float32))) for weight in weights_ND]
            return [self._biased(one, bias) for one, bias in zip(plain, biases, strict=True)]
        rounded = [quantized(weight) for weight in weights_ND]
        if name in self.ranges:
            return self.fixed(x, rounded, self.ranges[name], biases)
        by_row = self._positive if name.endswith("fc2") else self._signed
        eight, zero, row_scale = by_row(x, weights_ND[0].shape[1])
        whole = [self._multiplied(eight, *one, self.scalar(1.0), zero) for one in rounded]
        scaled = [self.add("Mul", one, row_scale) for one in whole]
        return [self._biased(one, bias) for one, bias in zip(scaled, biases, strict=True)]

    def _biased(self, x: str, bias_N: Array | None) -> str:
        return x if bias_N is None else self.add("Add", x, self.constant(bias_N))

    def fixed(
        self, x: str, rounded: Sequence[tuple[Array, Array]], largest: float, biases_N: Sequence[Array | None]
    ) -> list[str]:
        """`x W^T + b` with one scale for all rows; values beyond `largest` are cut to it.

        Args:
            rounded: weights (N, D) and scales (N,) of each product, as of `quantized`.
        """
        scale, zero = self.scalar(largest / 127), self.constant(np.array(UNSIGNED_ZERO, np.uint8))
        eight = self.add("QuantizeLinear", x, scale, zero)
        return [
            self._multiplied(eight, weight, scales, scale, zero, bias)
            for (weight, scales), bias in zip(rounded, biases_N, strict=True)
        ]

    def _multiplied(
        self, eight: str, weight8_ND: Array, scale_N: Array, scale: str, zero: str, bias_N: Array | None = None
    ) -> str:
        weight, scales = self.constant(weight8_ND.T), self.constant(scale_N)
        optional = [zero] if bias_N is None else [zero, "", self.constant(bias_N)]
        return self.add("MatMulIntegerToFloat", eight, weight, scale, scales, *optional, domain=FUSED)

    def _positive(self, x: str, width: int) -> tuple[str, str, str]:
        """Rows behind ReLU as 0 ... 255: bytes, their zero, a scale for each row (R, 1)."""
        largest = self.add("ReduceMax", x, self.integers(-1), keepdims=1)
        scale = self.add("Max", self.add("Mul", largest, self.scalar(1 / 255)), self.scalar(1e-12))
        return self.add("QuantizeLinear", x, scale, axis=-1, block_size=width), "", scale

    def _signed(self, x: str, width: int) -> tuple[str, str, str]:
        """Rows as -127 ... 127 around 128; results as above."""
        largest = self.add("ReduceMax", self.add("Abs", x), self.integers(-1), keepdims=1)
        scale = self.add("Max", self.add("Mul", largest, self.scalar(1 / 127)), self.scalar(1e-12))
        eight = self.add("QuantizeLinear", x, scale, self.zeros, axis=-1, block_size=width)
        return eight, self.constant(np.array(UNSIGNED_ZERO, np.uint8)), scale

    def joined(self, branch: str, x: str, bias_N: Array, norm: "nn.LayerNorm") -> tuple[str, str]:
        """`x + branch + bias` after and before the norm that follows it.

        ONNX Runtime's SkipLayerNormalization does it in one node and takes four times as long on a CPU.
        """
        total = self.add("Add", x, self.add("Add", branch, self.constant(bias_N)))
        return self.norm(total, norm), total

    def attention(self, query: str, key: str, value: str, bias: str, heads: int) -> str:
        """Softmax(q k + bias) v, (B, T, D): q is scaled already (B, T, D), k and v (B, S, D), bias (B, 1, T, S)."""
        return self.add("Attention", query, key, value, bias, q_num_heads=heads, kv_num_heads=heads, scale=1.0)

    def model(self, name: str, inputs: "Sequence[onnx.ValueInfoProto]", outputs: Sequence[str]) -> "onnx.ModelProto":
        """The finished model; outputs are float of any shape."""
        from onnx import TensorProto, helper

        results = [helper.make_tensor_value_info(output, TensorProto.FLOAT, None) for output in outputs]
        graph = helper.make_graph(self.nodes, name, list(inputs), results, self.weights)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=11, producer_name="parley")
