"""An outlier layer, planted into the errors of the quantized layers."""

from tests.eval.analyzers.questions import findings
from tests.eval.planted import damaged, evidence, planted, rows


def test_an_outlier_layer_ranks_first_when_int8_is_far_behind() -> None:
    lines = rows(("en", "fr"), 40)
    weak = planted(lines, lambda _, __, row: damaged(row, 0.2))
    layers: list[dict[str, object]] = [{"name": f"decoder.{n}.fc1", "error": 0.01} for n in range(12)]
    layers.append({"name": "decoder.0.fc2", "error": 0.4})
    both = [row | {"system": "student"} for row in lines] + [row | {"system": "student_int8"} for row in weak]
    found = findings(
        None,
        evidence(both, quantization={"student_int8": {"layers": layers}}),
        int8="vs student gap.mean <= 0.3",
    )
    assert found[0]["analyzer"] == "quantization"
    assert found[0]["title"].startswith("decoder.0.fc2: 40 times the median layer's quantization error")
    assert found[0]["chain"] == ["gate int8", "quantization"]


def test_even_layers_are_no_finding() -> None:
    lines = rows(("en", "fr"), 40)
    weak = planted(lines, lambda _, __, row: damaged(row, 0.2))
    both = [row | {"system": "student"} for row in lines] + [row | {"system": "student_int8"} for row in weak]
    layers = [{"name": f"decoder.{n}.fc1", "error": 0.03} for n in range(12)]
    quantized = evidence(both, quantization={"student_int8": {"layers": layers}})
    found = findings(None, quantized, int8="vs student gap.mean <= 0.3")
    assert [one for one in found if one["analyzer"] == "quantization"] == []
