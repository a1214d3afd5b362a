"""A narrower student that starts from all of its teacher: exact where nothing is cut, near where little is."""

from dataclasses import replace

import pytest
import torch

from distillation.config import StudentConfig
from distillation.student.initialization import build_student
from distillation.student.narrowing import closest, cut_of, narrow
from tests.distillation.models import tiny_teacher
from training.model.layers import sinusoidal_positions

SAME = StudentConfig(d_model=16, encoder_layers=2, decoder_layers=2, ffn_dim=64, dropout=0.0)
INPUTS = {
    "input_ids": torch.tensor([[4, 30, 31, 32, 2], [20, 40, 2, 1, 1]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
    "decoder_input_ids": torch.tensor([[5, 33, 34], [15, 35, 36]]),
}
PLACES = {"encoder": [0, 1], "decoder": [0, 1]}


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.eval()(**INPUTS).logits
    return found


def test_nothing_cut_nothing_changed() -> None:
    teacher = tiny_teacher(moe_every=0)
    for layer in [*teacher.encoder.layers, *teacher.decoder.layers]:  # trained norms are not 1 and 0
        torch.nn.init.uniform_(layer.self_attention_norm.weight, 0.5, 1.5)
        torch.nn.init.uniform_(layer.feed_forward_norm.bias, -0.2, 0.2)
    student = build_student(SAME, 60, 1, teacher)
    for parameter in student.parameters():
        torch.nn.init.normal_(parameter)
    narrow(student, teacher, PLACES, {})
    torch.testing.assert_close(logits(student), logits(teacher), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("width", [12, 8])
def test_a_cut_keeps_orthonormal_directions_without_a_mean_and_the_positions(width: int) -> None:
    cut = cut_of(torch.randn(60, 16, generator=torch.Generator().manual_seed(0)) * 0.25, width)
    basis = cut.basis_Dd
    projector = basis @ basis.T
    torch.testing.assert_close(projector @ projector, projector, rtol=0, atol=1e-5)
    assert basis.sum(1).abs().max() < 1e-5  # the student's stream has no mean
    theirs, ours = (sinusoidal_positions(42, size)[2:] for size in (16, width))
    theirs, ours = theirs - theirs.mean(1, keepdim=True), ours - ours.mean(1, keepdim=True)
    assert (theirs @ basis - ours).norm() < 0.8 * ours.norm()
    assert 0 < cut.kept < 1


def test_maps_of_low_rank_are_found_exactly() -> None:
    first, second = torch.randn(3, 9), torch.randn(3, 7)
    a, b = closest(first, second, 3)
    torch.testing.assert_close(a.T @ b, first.T @ second, rtol=1e-4, atol=1e-4)


def test_a_narrower_student_starts_nearer_to_its_teacher_than_from_its_embedding_alone() -> None:
    teacher = tiny_teacher(moe_every=0)
    narrower = replace(SAME, d_model=12)
    started = build_student(narrower, 60, 1, teacher)
    assert started.config.encoder_attention_heads == teacher.config.num_attention_heads
    random = build_student(replace(narrower, start="random"), 60, 1)
    wanted = logits(teacher)
    assert (logits(started) - wanted).norm() < 0.8 * (logits(random) - wanted).norm()


def test_layers_that_the_teacher_has_not_change_nothing() -> None:
    teacher = tiny_teacher(moe_every=0)
    same = build_student(replace(SAME, d_model=12), 60, 1, teacher)
    deeper = build_student(replace(SAME, d_model=12, encoder_layers=5, decoder_layers=3), 60, 1, teacher)
    torch.testing.assert_close(logits(deeper), logits(same), rtol=1e-4, atol=1e-5)
