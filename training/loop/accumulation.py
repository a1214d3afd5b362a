"""The gradient of one update, micro-batch by micro-batch; one that does not fit into memory is halved.

What a failed backward left in the gradients is not known, so that all micro-batches of the update are begun again. Sums
over tokens stay what they were, so the update equals the one that had the memory, as micro-batches equal a big batch.
(Dropout draws other numbers, and experts count what was begun, too.)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from parley.pipeline.errors import InputError
from parley.pipeline.progress import say


@dataclass(frozen=True)
class LossParts:
    """Loss of one micro-batch.

    Attributes:
        loss_sum: sum over target tokens, in nats; has a gradient.
        tokens: target tokens, as the batch's `target_tokens` says.
        metrics: means per token for the log; scalars on the device are best, they are not waited for.
    """

    loss_sum: Tensor
    tokens: int
    metrics: Mapping[str, float | Tensor] = field(default_factory=dict)


def accumulate(
    group: Sequence[Any], add: Callable[[Any], LossParts], clear: Callable[[], None]
) -> tuple[list[LossParts], int]:
    """Add up the gradients of micro-batches.

    Args:
        add: adds the gradient of one; gives its loss without gradient.
        clear: sets all gradients to zero.

    Returns:
        The losses, and how often a micro-batch was halved.

    Raises:
        InputError: a micro-batch that cannot be halved does not fit.
    """
    waiting, halved = list(group), 0
    while True:
        done: list[LossParts] = []
        for batch in waiting:
            if (parts := _unless_full(add, batch)) is None:
                break
            done.append(parts)
        else:
            return done, halved
        place, halved = len(done), halved + 1
        waiting[place : place + 1] = _halves(waiting[place])
        clear()


def _unless_full(add: Callable[[Any], LossParts], batch: Any) -> LossParts | None:
    """None where memory was exhausted; what the error held is free by then."""
    try:
        return add(batch)
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "out of memory" not in str(error):
            raise
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def _halves(batch: Any) -> list[Any]:
    halves = batch.halves() if hasattr(batch, "halves") else []
    if len(halves) < 2:
        raise InputError(
            f"a micro-batch of {batch.target_tokens} target tokens does not fit into memory and cannot be halved: "
            "lower its size (batching.batch_tokens, batching.max_length; qe: mixture.batch_tokens)"
        )
    say(f"a micro-batch of {batch.target_tokens} target tokens does not fit into memory: it is halved")
    return halves
