"""Expert paths against a plain reference: outputs, gradients, empty experts, masking."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from training.model.configuration import ParleyMoeConfig
from training.model.experts import Experts
from training.model.layers import MoeFeedForward, Steering


def make_experts(implementation: str, dtype: torch.dtype = torch.float32) -> Experts:
    torch.manual_seed(0)
    config = ParleyMoeConfig(
        d_model=16, num_experts=4, expert_ffn_dim=32, num_attention_heads=2, experts_implementation=implementation
    )
    experts = Experts(config)
    for parameter in experts.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return experts.to(dtype)


def reference(experts: Experts, x: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
    """Every expert on every token, then the chosen ones picked."""
    every = torch.stack(
        [
            F.linear(F.relu(F.linear(x, up, up_bias)), down, down_bias)
            for up, up_bias, down, down_bias in zip(
                experts.up_EFD, experts.up_bias_EF, experts.down_EDF, experts.down_bias_ED, strict=True
            )
        ]
    )
    picked = every[chosen.t(), torch.arange(len(x))]
    return (picked * weights.t().unsqueeze(-1)).sum(0)


def routing(tokens: int, experts: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    chosen = torch.rand(tokens, experts).topk(2).indices  # `experts` < 4 leaves some experts without a token
    return chosen, torch.rand(tokens, 2)


@pytest.mark.parametrize("implementation", ["loop", "grouped"])
@pytest.mark.parametrize("used", [4, 2])
def test_paths_equal_the_reference(implementation, used):
    experts = make_experts(implementation)
    x = torch.randn(11, 16, requires_grad=True)
    chosen, weights = routing(11, used)
    weights.requires_grad_()
    probe = torch.randn(11, 16)
    inputs = [x, weights, *experts.parameters()]
    found = experts(x, chosen, weights)
    found_gradients = torch.autograd.grad((found * probe).sum(), inputs)
    expected = reference(experts, x, chosen, weights)
    expected_gradients = torch.autograd.grad((expected * probe).sum(), inputs)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    for ours, theirs in zip(found_gradients, expected_gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_gradients_match_finite_differences():
    experts = make_experts("loop", torch.double)
    x = torch.randn(5, 16, dtype=torch.double, requires_grad=True)
    chosen, weights = routing(5, 4)
    weights = weights.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, w: experts(x, chosen, w), (x, weights))


def test_output_masking_zeroes_routed_output_in_training_only():
    torch.manual_seed(0)
    config = ParleyMoeConfig(
        d_model=16, num_attention_heads=2, expert_output_masking=1.0, shared_expert_ffn_dim=0,
        languages=["en"], language_token_ids=[4],
    )  # fmt: skip
    layer = MoeFeedForward(config)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x, steering = torch.randn(1, 7, 16), Steering(torch.ones(1, 1), torch.ones(7))
    assert layer.train()(x, steering)[0].abs().sum() == 0
    assert layer.eval()(x, steering)[0].abs().sum() > 0
