"""Routing: gradients, language term, balance."""

import torch

from training.model.configuration import ParleyMoeConfig
from training.model.modelling import ParleyMoeForConditionalGeneration
from training.model.router import Router

CONFIG = {"d_model": 8, "num_experts": 4, "experts_per_token": 2, "num_attention_heads": 2}
LANGUAGES = {"languages": ["en", "fr"], "language_token_ids": [4, 5]}


def make_router(**changes: object) -> Router:
    torch.manual_seed(0)
    router = Router(ParleyMoeConfig(**{**CONFIG, **LANGUAGES, **changes}))
    torch.nn.init.normal_(router.weight)
    if router.language is not None:
        torch.nn.init.normal_(router.language)
    return router.double()


def test_gradients_match_finite_differences():
    """Through the mixing weights and the z-loss; inputs are drawn so that no choice flips within the step."""
    router = make_router()
    x = torch.randn(6, 8, dtype=torch.double)
    language = torch.eye(2, dtype=torch.double)
    counts = torch.ones(6, dtype=torch.long)

    def scalar(weight: torch.Tensor, term: torch.Tensor) -> torch.Tensor:
        logits = x @ weight.t() + (language @ term).repeat_interleave(3, 0)
        scores = logits.sigmoid()
        chosen = scores.gather(1, experts)
        mix = chosen / chosen.sum(-1, keepdim=True)
        return (mix * probe).sum() + logits.logsumexp(-1).square().mean()

    experts = router(x, language, counts).experts_NK
    probe = torch.randn(6, 2, dtype=torch.double)
    routing = router(x, language, counts)
    ((routing.weights_NK * probe).sum() + routing.z_loss).backward()
    step = 1e-6
    for parameter, place in ((router.weight, 0), (router.language, 1)):
        numeric = torch.zeros_like(parameter)
        for index in range(parameter.numel()):
            values = [router.weight.detach().clone(), router.language.detach().clone()]
            values[place].view(-1)[index] += step
            up = scalar(*values)
            values[place].view(-1)[index] -= 2 * step
            numeric.view(-1)[index] = (up - scalar(*values)) / (2 * step)
        torch.testing.assert_close(parameter.grad, numeric, atol=2e-5, rtol=1e-3)


def test_bias_chooses_but_does_not_weigh():
    router = make_router()
    x, language, counts = torch.randn(6, 8), torch.eye(2), torch.ones(6, dtype=torch.long)
    free = router(x, language, counts)
    router.bias_E[3] = 10.0
    forced = router(x, language, counts)
    assert (forced.experts_NK == 3).any(1).all()
    same = (free.experts_NK.sort(1).values == forced.experts_NK.sort(1).values).all(1)
    torch.testing.assert_close(free.weights_NK[same].sum(1), forced.weights_NK[same].sum(1))
    torch.testing.assert_close(forced.weights_NK.sum(1), torch.ones_like(forced.weights_NK[:, 0]))


def test_language_term_steers():
    router = make_router()
    router.language.data.copy_(torch.tensor([[50.0, 50, -50, -50], [-50, -50, 50, 50]]))
    routing = router(torch.randn(6, 8), torch.eye(2), torch.ones(6, dtype=torch.long))
    assert routing.experts_NK[:3].sort(1).values.tolist() == [[0, 1]] * 3
    assert routing.experts_NK[3:].sort(1).values.tolist() == [[2, 3]] * 3


def test_update_bias_works_against_load_and_ignores_padding():
    router = make_router(router_bias_rate=0.5).train()
    counts = torch.tensor([1, 1, 1, 1, 0, 0])
    router(torch.randn(6, 8), torch.eye(2), counts)
    assert router.load_E.sum() == 4 * 2
    heavy, light = int(router.load_E.argmax()), int(router.load_E.argmin())
    router.update_bias()
    assert router.bias_E[heavy] == -0.5
    assert router.bias_E[light] == 0.5
    assert router.load_E.sum() == 0
    assert router.last_load_E.sum() == 8


def test_bias_balances_a_skewed_router():
    """Tokens that all prefer two experts: after updates every expert carries a fair share."""
    router = make_router(router_bias_rate=0.02).train()
    router.language.data.copy_(torch.tensor([[2.0, 2, 0, 0]] * 2))
    for _ in range(200):
        router(torch.randn(64, 8) * 0.5, torch.eye(2), torch.ones(64, dtype=torch.long))
        router.update_bias()
    share = router.last_load_E / router.last_load_E.sum()
    assert share.min() > 0.15, share


def test_unsteered_router_has_no_language_parameters():
    router = make_router(router_language_term=False)
    assert router.language is None
    names = ParleyMoeForConditionalGeneration(ParleyMoeConfig(router_language_term=False)).state_dict()
    assert not [name for name in names if "router.language" in name]
