"""Which experts each language uses, counted on held-out messages: sources in the encoder, targets in the decoder.

The mutual information between expert and language family says how far experts specialise by related languages:
0 bits where every family uses the experts alike. Languages count equally, whatever their share of the data.

L languages, E experts.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from parley.languages.table import LANGUAGES, pair
from training.model.modelling import ParleyMoeForConditionalGeneration
from training.validation import DevSample


def mutual_information(shares_LE: np.ndarray, labels: Sequence[str]) -> float:
    """Mutual information, in bits, between the expert of a token and the label of its language.

    Args:
        shares_LE: each language's distribution over experts; rows sum to 1.
        labels: a label, such as the family, for each language.
    """
    joint = np.array([shares_LE[[own == label for own in labels]].sum(0) for label in sorted(set(labels))])
    joint = joint / joint.sum()
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    return max(0.0, float((joint[seen] * np.log2(joint[seen] / independent[seen])).sum()))  # rounding may go below 0


@torch.no_grad()
def measure_routing(model: ParleyMoeForConditionalGeneration, sample: DevSample) -> dict[str, Any]:
    """The content of `routing.json`.

    Returns:
        `languages` (L), `families` (L), `experts_by_language` {layer: (L, E) shares}, `mutual_information` with
        expert and `family` {layer: bits}, with `language` {layer: bits}, and `mean` of the family's over the layers.
    """
    codes = [code for code in sample.encoded.languages if any(code in pair(direction) for direction in sample.rows)]
    tables: dict[str, list[np.ndarray]] = {name: [] for name in model.routers()}
    for code in codes:
        for stack, side in (("encoder", 0), ("decoder", 1)):
            members = [direction for direction in sample.rows if pair(direction)[side] == code]
            with _counting(model) as counts:
                _forward(model, sample.batches(members) if members else ())
            for name in tables:
                if name.startswith(stack):
                    tables[name].append((counts[name] / counts[name].sum().clamp(min=1)).double().cpu().numpy())
    families = [LANGUAGES[code].family for code in codes]
    shares = {name: np.stack(rows) for name, rows in tables.items()}
    by_family = {name: mutual_information(share_LE, families) for name, share_LE in shares.items()}
    return {
        "languages": codes,
        "families": families,
        "experts_by_language": {name: share_LE.round(4).tolist() for name, share_LE in shares.items()},
        "mutual_information": {
            "family": by_family,
            "language": {name: mutual_information(share_LE, codes) for name, share_LE in shares.items()},
            "mean": float(np.mean(list(by_family.values()))) if by_family else 0.0,
        },
    }


def _forward(model: nn.Module, batches: Iterable[Any]) -> None:
    device = next(model.parameters()).device
    for batch in batches:
        model(**batch.to(device).model_inputs())


@contextmanager
def _counting(model: ParleyMoeForConditionalGeneration) -> Iterator[dict[str, Tensor]]:
    """Count the experts that tokens visit inside the `with`, padding left out: {layer: (E,)}."""
    counts = {name: torch.zeros_like(router.load_E) for name, router in model.routers().items()}

    def counter(name: str) -> Any:
        def count(_: nn.Module, inputs: tuple[Any, ...], routing: Any) -> None:
            experts_NK, counts_N = routing.experts_NK, inputs[-1]
            weights_NK = counts_N.to(counts[name].dtype).unsqueeze(1).expand_as(experts_NK)
            counts[name].scatter_add_(0, experts_NK.reshape(-1), weights_NK.reshape(-1))

        return count

    handles = [router.register_forward_hook(counter(name)) for name, router in model.routers().items()]
    try:
        yield counts
    finally:
        for handle in handles:
            handle.remove()
