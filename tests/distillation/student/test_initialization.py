"""The student: starts from its teacher, keeps its size, and needs no code of this project to load."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from distillation.config import StudentConfig
from distillation.student.initialization import build_student, projected, read_loads
from distillation.student.teacher_layers import chosen_layers, copy_feed_forward, dense_units
from parley.pipeline.errors import InputError
from tests.distillation.models import tiny_student, tiny_teacher
from tests.training.toy_corpus import make_inputs
from training.model.layers import MoeFeedForward
from training.tokenizer import load_tokenizer

SAME = StudentConfig(d_model=16, encoder_layers=2, decoder_layers=2, ffn_dim=32, dropout=0.0)
INPUTS = {
    "input_ids": torch.tensor([[4, 30, 31, 32, 2], [20, 40, 2, 1, 1]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
    "decoder_input_ids": torch.tensor([[5, 33, 34], [15, 35, 1]]),
}


@pytest.mark.parametrize("layers", [2, 5])
def test_equals_a_dense_teacher_of_its_size_or_less(layers: int) -> None:
    teacher = tiny_teacher(moe_every=0)
    student = build_student(replace(SAME, encoder_layers=layers, decoder_layers=layers), 60, 1, teacher).eval()
    with torch.no_grad():
        ours, theirs = student(**INPUTS).logits, teacher(**INPUTS).logits
    torch.testing.assert_close(ours[0], theirs[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours[1, :2], theirs[1, :2], rtol=1e-4, atol=1e-5)


def test_experts_side_by_side_equal_the_mixture_with_fixed_gates() -> None:
    mixture = tiny_teacher().encoder.layers[1].feed_forward
    assert isinstance(mixture, MoeFeedForward)
    load_E, x_ND = torch.tensor([0.4, 0.3, 0.2, 0.1]), torch.randn(7, 16)
    experts_NE = torch.arange(4).expand(7, 4)
    wanted_ND = mixture.experts(x_ND, experts_NE, load_E.expand(7, 4)) + mixture.shared_expert(x_ND)
    up, bias, down, out = dense_units(mixture, load_E)
    assert up.shape == (5 * 16, 16)
    torch.testing.assert_close(torch.relu(x_ND @ up.T + bias) @ down.T + out, wanted_ND, rtol=1e-4, atol=1e-5)


def test_added_layers_learn() -> None:
    student = build_student(replace(SAME, encoder_layers=3, decoder_layers=3), 60, 1, tiny_teacher(moe_every=0))
    student(**INPUTS).logits.square().mean().backward()
    for layer in (student.model.encoder.layers[1], student.model.decoder.layers[1]):
        for way_out in (layer.self_attn.out_proj, layer.fc2):
            assert way_out.weight.abs().sum() == 0
            assert way_out.weight.grad is not None
            assert way_out.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("inner", [8, 80, 100])
def test_the_most_important_units_are_kept(inner: int) -> None:
    mixture, x_ND = tiny_teacher().decoder.layers[1].feed_forward, torch.randn(50, 16)
    fc1, fc2 = nn.Linear(16, inner), nn.Linear(inner, 16)
    copy_feed_forward(fc1, fc2, mixture)
    up, bias, down, out = dense_units(mixture)
    wanted_ND = torch.relu(x_ND @ up.T + bias) @ down.T + out
    error = (fc2(torch.relu(fc1(x_ND))) - wanted_ND).norm() / wanted_ND.norm()
    assert error < (1e-4 if inner >= 80 else 1.0)
    assert inner < 80 or fc2.weight[:, 80:].abs().sum() == 0


@pytest.mark.parametrize(
    ("available", "wanted", "places"),
    [
        (4, 4, [0, 1, 2, 3]),
        (6, 2, [0, 5]),
        (2, 1, [1]),
        (16, 4, [0, 5, 10, 15]),
        (2, 3, [0, None, 1]),
        (1, 2, [None, 0]),
    ],
)
def test_layers_are_chosen_evenly(available: int, wanted: int, places: list[int | None]) -> None:
    assert chosen_layers(available, wanted) == places


def test_another_width_takes_the_embedding_along_its_principal_directions() -> None:
    low_rank_VD = torch.randn(50, 4) @ torch.randn(4, 16)
    narrow_VD = projected(low_rank_VD, 4)
    torch.testing.assert_close(narrow_VD @ narrow_VD.T, low_rank_VD @ low_rank_VD.T, rtol=1e-3, atol=1e-3)
    assert projected(low_rank_VD, 20).shape == (50, 20)
    student = build_student(StudentConfig(d_model=32, encoder_layers=1, decoder_layers=1), 60, 0, tiny_teacher())
    assert student.config.d_model == 32


def test_the_same_seed_gives_the_same_student() -> None:
    first, second, other = tiny_student(), tiny_student(), tiny_student(seed=1)
    assert torch.equal(first.model.shared.weight, second.model.shared.weight)
    assert not torch.equal(first.model.shared.weight, other.model.shared.weight)
    assert first.lm_head.weight is first.model.shared.weight


def test_routing_gives_the_loads(tmp_path: Path) -> None:
    assert read_loads(tmp_path) == {}
    (tmp_path / "routing.json").write_text('{"experts_by_language": {"encoder.1": [[0.5, 0.5], [1.0, 0.0]]}}')
    assert read_loads(tmp_path)["encoder.1"].tolist() == [0.75, 0.25]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="needs a teacher"):
        build_student(SAME, 60, 0)
    with pytest.raises(InputError, match="the teacher has 60 pieces, the student 61"):
        build_student(SAME, 61, 0, tiny_teacher())
    with pytest.raises(InputError, match="magic: not a model folder"):
        build_student(replace(SAME, start="magic"), 60, 0)
    with pytest.raises(InputError, match=r"student\.ffn_dim=0"):
        StudentConfig(ffn_dim=0)


FRESH = """
import sys
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
folder = sys.argv[1]
model, tokenizer = AutoModelForSeq2SeqLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
ids = tokenizer("go now", return_tensors="pt", add_special_tokens=False).input_ids
import torch
tag, target = tokenizer.convert_tokens_to_ids(["__en__", "__fr__"])
source = torch.cat([torch.tensor([[tag]]), ids, torch.tensor([[tokenizer.eos_token_id]])], dim=1)
out = model.generate(source, decoder_start_token_id=target, max_new_tokens=5)
assert out[0, 0] == target, out
assert not any(name.split(".")[0] in ("distillation", "training", "pipeline") for name in sys.modules)
print(type(model).__module__, type(model).__name__, tokenizer.decode(out[0, 1:], skip_special_tokens=True)[:1] != "?")
"""


@pytest.mark.slow
def test_plain_transformers_load_and_run_it_without_this_project(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(make_inputs(tmp_path / "toy")["tokenizer"])
    folder = tmp_path / "student"
    tiny_student(len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(str(folder))
    command = [sys.executable, "-I", "-c", FRESH, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("transformers.models.m2m_100.modeling_m2m_100 M2M100ForConditionalGeneration")
