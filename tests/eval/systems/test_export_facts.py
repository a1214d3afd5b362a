"""What the report takes from exports.json."""

import json
from pathlib import Path

import pytest

from eval.systems.export_facts import FILE, exported_form
from parley.pipeline.errors import InputError

FACTS = {
    "forms": {
        "onnx": {
            "weights": "int8",
            "kept_in_float": ["fc2"],
            "files": [{"path": "x"}],
            "bytes": 1234,
            "parity": {"messages": 9, "same": 8, "differing": 1, "examples": [{}]},
        }
    },
    "layers": [{"name": "encoder.layers.0.fc1", "error": 0.02, "outliers": 4.0}],
    "params": 99,
}


def test_size_and_eight_bits_of_a_form(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps(FACTS))
    size, told = exported_form(tmp_path, "onnx")
    assert size == {"params": 99, "active_params": 99, "bytes": 1234}
    assert told == {
        "engine": "onnx",
        "weights": "int8",
        "kept_in_float": ["fc2"],
        "parity": {"messages": 9, "same": 8, "differing": 1},
        "layers": FACTS["layers"],
    }


@pytest.mark.parametrize("text", ["{", "[]", '{"forms": {}}', ""])
def test_a_form_that_is_not_there_is_named(tmp_path: Path, text: str) -> None:
    if text:
        (tmp_path / FILE).write_text(text)
    with pytest.raises(InputError, match=r"exports.json: tells of no form 'onnx'"):
        exported_form(tmp_path, "onnx")
