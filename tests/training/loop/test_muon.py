"""Muon: orthogonal updates, fused and stacked matrices, skipped updates, state."""

import copy

import torch
from torch import Tensor, nn

from training.loop.config import TrainingConfig
from training.loop.muon import muon_updates, orthogonal
from training.loop.optimization import Optimizer
from training.loop.precision import Masters


def test_singular_values_land_near_one():
    torch.manual_seed(0)
    for shape in ((3, 16, 16), (2, 16, 64), (2, 64, 16)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
        assert float(values.min()) > 0.5, shape
        assert float(values.max()) < 1.4, shape


def test_scale_of_the_gradient_does_not_matter():
    gradient = torch.randn(1, 8, 12)
    torch.testing.assert_close(orthogonal(gradient), orthogonal(gradient * 1e-3), atol=2e-2, rtol=0)


def test_fused_projections_are_separate_matrices():
    """A fused parameter moves as its parts would alone, whatever shares their multiplication."""
    torch.manual_seed(0)
    parts = [torch.randn(8, 8) for _ in range(3)]

    def updates(gradients: list[Tensor], stacked: list[int]) -> list[Tensor]:
        return muon_updates(gradients, [torch.zeros_like(g) for g in gradients], stacked)

    fused, other = updates([torch.cat(parts), torch.randn(4, 8, 8)], [3, 1])
    alone = updates(parts, [1, 1, 1])
    torch.testing.assert_close(fused, torch.cat(alone), atol=2e-2, rtol=0)
    assert other.shape == (4, 8, 8)


def make_optimizer(**changes: object) -> tuple[nn.Module, Masters, Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(10, 8), nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 4))
    model[3].weight.is_head = True
    masters = Masters(model)
    config = TrainingConfig(max_updates=10, optimizer="muon", **changes)
    return model, masters, Optimizer(masters, config)


def backward(model: nn.Module) -> None:
    model(torch.arange(10)).square().sum().backward()


def test_only_hidden_matrices_take_muon_and_its_step_has_the_set_size():
    model, _, optimizer = make_optimizer()
    assert [name for bucket in optimizer.muon for name in bucket.names] == ["1.weight"]
    before = model[1].weight.detach().clone()
    backward(model)
    optimizer.step(optimizer.config.learning_rate, torch.tensor(1.0))
    moved = model[1].weight - before
    size = optimizer.config.matrix_rate * 0.2 * 8**0.5
    values = torch.linalg.svdvals(moved.detach()) / size
    assert 0.4 < float(values.max()) < 1.4


def test_an_unsound_update_changes_nothing():
    model, _, optimizer = make_optimizer()
    before = copy.deepcopy(model.state_dict())
    backward(model)
    model[1].weight.grad.fill_(float("nan"))
    optimizer.step(1e-3, torch.tensor(1.0))
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not any(momentum.any() for momentum in optimizer.momenta.values())


def test_momentum_is_saved_and_restored():
    model, _, optimizer = make_optimizer()
    backward(model)
    optimizer.step(1e-3, torch.tensor(1.0))
    tensors = {name: value.clone() for name, value in optimizer.state_tensors().items()}
    _, _, other = make_optimizer()
    other.load_state_tensors(tensors)
    for key, momentum in optimizer.momenta.items():
        assert momentum.any()
        assert torch.equal(other.momenta[key], momentum)
