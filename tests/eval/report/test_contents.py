"""Samples, model size, thinned curves."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import save_file

from eval.report.quality_agreement import quality_agreement
from eval.report.training_curves import LOG_POINTS, training_curves
from eval.report.writing import choose_samples
from eval.systems.model_size import model_size
from parley.pipeline.errors import InputError


def outputs(counts: dict[str, int]) -> pa.Table:
    pairs = [direction for direction, count in counts.items() for _ in range(count)]
    return pa.table({"pair": pairs, "row_id": [str(i) for i in range(len(pairs))]})


def test_samples_mix_directions() -> None:
    table = outputs({"en-fr": 50, "fr-en": 3, "en-th": 1})
    chosen = choose_samples(table, 9, seed=1)
    found = [sample["pair"] for sample in chosen]
    assert sorted(found[:3]) == ["en-fr", "en-th", "fr-en"]
    assert found.count("fr-en") == 3
    assert len({sample["row_id"] for sample in chosen}) == 9
    assert chosen == choose_samples(table, 9, seed=1) != choose_samples(table, 9, seed=2)


def test_fewer_messages_than_samples() -> None:
    assert len(choose_samples(outputs({"en-fr": 2}), 20, 1)) == 2
    assert choose_samples(outputs({}), 20, 1) == []


def test_model_size_reads_headers_only(tmp_path: Path) -> None:
    save_file({"a": np.zeros((3, 4), np.float32), "b": np.zeros(5, np.float16)}, tmp_path / "model.safetensors")
    size = model_size(tmp_path)
    assert size["params"] == 17
    assert size["bytes"] == (tmp_path / "model.safetensors").stat().st_size
    assert model_size(tmp_path / "nothing") == {}


def test_a_broken_weights_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0not json")
    with pytest.raises(InputError, match=r"header of .*model\.safetensors: not JSON"):
        model_size(tmp_path)


def test_long_curves_are_thinned_without_leaving_a_part_out(tmp_path: Path) -> None:
    log = tmp_path / "training_log.jsonl"
    lines = [{"kind": "train", "update": i, "loss": float(i), "dev/chrf/en-fr": 1.0} for i in range(1000)]
    lines += [{"kind": "resume", "update": 5, "loss": 1e9}, {"kind": "train", "update": 1000, "loss": None}]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    curves = training_curves(log)
    assert curves.keys() == {"loss"}
    assert len(curves["loss"]) == LOG_POINTS
    assert np.mean([value for _, value in curves["loss"]]) == pytest.approx(499.5)


def test_quality_scores_become_plain_numbers() -> None:
    def estimate(value: float | None) -> dict[str, object]:
        return {"value": value, "ci": None if value is None else [value - 0.1, value + 0.1]}

    words = {"mcc": estimate(0.5), "severity_macro_f1": estimate(0.25), "words": 80}
    tags = {"mcc": estimate(None)}  # every word is right: no correlation
    scores = {
        "human": {"en-de": words, "en-de/tags": tags},
        "synthetic": {"en-th": words},
        "synthetic_all": words,
        "baselines": {"en-de": {"base_rate": {"mcc": estimate(0.0)}}},
        "damage": {"th": {"falls": True}},
    }
    flat = {"mcc": 0.5, "mcc_ci": [0.4, 0.6], "severity_macro_f1": 0.25, "severity_macro_f1_ci": [0.15, 0.35]}
    assert quality_agreement(scores) == {
        "human": {
            "en-de": {**flat, "baselines": {"base_rate": 0.0}},
            "en-de/tags": {"mcc": None, "mcc_ci": None, "baselines": {}},
        },
        "synthetic": flat,
        "damage": {"th": {"falls": True}},
    }
    assert quality_agreement({}) == {}
