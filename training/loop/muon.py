"""Muon for the matrices of hidden layers: the momentum's update, made orthogonal.

Every matrix moves by the nearest (semi-)orthogonal matrix to its momentum, found by five Newton-Schulz steps (Jordan et
al., 2024, kellerjordan.github.io/posts/muon), scaled so that its entries move as far as AdamW's would (Moonlight,
arXiv 2502.16982: 0.2 sqrt(max(rows, columns))). Embeddings, norms, biases, routers and heads stay with AdamW.

`torch.optim.Muon` takes one two-dimensional parameter after the other; here all matrices of one shape, experts' stacks
and the parts of fused projections among them, go through each multiplication together.
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

COEFFICIENTS: Final = (3.4445, -4.7750, 2.0315)  # of the quintic; chosen for a steep start, not for full convergence
STEPS: Final = 5
MOMENTUM: Final = 0.95


def orthogonal(matrices: Tensor) -> Tensor:
    """Nearly the nearest semi-orthogonal matrix to each of `matrices` (M, rows, columns), float32.

    Singular values land in about 0.7 to 1.2, which serves as well as 1 and needs fewer steps.
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).float()
    x = (x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-12)).bfloat16()
    for _ in range(STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if tall else x).float()


def stacked_shape(shape: torch.Size, stacked: int) -> tuple[int, int, int]:
    """A parameter as (matrices, rows, columns): `stacked` projections fused by rows, or experts in the first axis."""
    if len(shape) == 3:
        return (shape[0], shape[1], shape[2])
    return (stacked, shape[0] // stacked, shape[1])


@torch.no_grad()
def muon_updates(gradients: Sequence[Tensor], momenta: Sequence[Tensor], stacked: Sequence[int]) -> list[Tensor]:
    """Updates of parameters, to be subtracted times the learning rate; moves the momenta.

    Args:
        gradients, momenta: of each parameter, in its shape.
        stacked: how many projections are fused in each two-dimensional parameter.
    """
    by_shape: dict[tuple[int, int], list[int]] = {}
    looks = []
    for place, (gradient, momentum, parts) in enumerate(zip(gradients, momenta, stacked, strict=True)):
        momentum.lerp_(gradient, 1 - MOMENTUM)
        look = gradient.lerp(momentum, MOMENTUM).view(stacked_shape(gradient.shape, parts))
        looks.append(look)
        by_shape.setdefault((look.shape[1], look.shape[2]), []).append(place)
    updates: list[Tensor] = [gradients[0]] * len(gradients)
    for (rows, columns), places in by_shape.items():
        moved = orthogonal(torch.cat([looks[place] for place in places])) * (0.2 * max(rows, columns) ** 0.5)
        for place, update in zip(places, moved.split([len(looks[place]) for place in places]), strict=True):
            updates[place] = update.reshape(gradients[place].shape)
    return updates
