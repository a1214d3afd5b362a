"""A warm start of the embedding: before training, words that translate each other are brought together.

Trained from random weights, the decoder learns its languages by heart long before the encoder learns which words mean
the same, and the encoder's layers hold that up: they turn aligned and unaligned words alike. Without layers it takes
seconds. A message is the mean of its tokens' vectors, and each must be nearest to its own translation among a batch's:

    loss = cross entropy of cos(source_i, target_j) / temperature with i = j, in both directions

(InfoNCE, arXiv 1807.03748, over bags of words as in BilBOWA, arXiv 1410.2455). Tokens that stand on both sides, such as
names, numbers and emoji, are left out: they would give the answer away.

B messages, S and T positions, D width.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from parley.pipeline.progress import progress_bar
from training.batches.batch import Batch

BATCH_TOKENS: Final = 4000  # padded target tokens in a batch: its messages are each other's wrong answers
LEARNING_RATE: Final = 1e-2  # peak of Adam, after `WARMUP` updates; it falls linearly over the second half
WARMUP: Final = 20
TEMPERATURE: Final = 0.1  # of the softmax over a batch


def align_words(embedding: nn.Embedding, batches: Iterable[Batch], updates: int) -> float:
    """Move `embedding` in place; its standard deviation stays what it was.

    Returns:
        The contrastive loss of the last tenth of the updates, in nats.
    """
    pad_id = embedding.padding_idx
    assert pad_id is not None
    spread = embedding.weight.detach().std()
    optimizer = torch.optim.Adam([embedding.weight], lr=LEARNING_RATE, betas=(0.9, 0.98), fused=True)
    losses = []
    with progress_bar("align words", updates) as bar:
        for update, batch in enumerate(islice(batches, updates)):
            optimizer.param_groups[0]["lr"] = _rate(update, updates)
            loss = contrastive_loss(embedding, batch, pad_id)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.detach())
            bar.advance(1)
    with torch.no_grad():
        embedding.weight *= spread / embedding.weight.std()
        embedding.weight[pad_id] = 0
    return float(torch.stack(losses[-max(1, updates // 10) :]).mean())


def contrastive_loss(embedding: nn.Embedding, batch: Batch, pad_id: int) -> Tensor:
    """Mean over both directions of the nats it takes to name a message's translation in the batch; a scalar."""
    source_BS, target_BT = batch.input_ids[:, 1:], batch.labels.clamp(min=pad_id)
    shared_BST = source_BS.unsqueeze(2) == target_BT.unsqueeze(1)
    source_counts_BS = (source_BS != pad_id) & ~shared_BST.any(2)
    target_counts_BT = (batch.labels >= 0) & ~shared_BST.any(1)
    both_B = source_counts_BS.any(1) & target_counts_BT.any(1)
    source_BD = _bag(embedding(source_BS[both_B]), source_counts_BS[both_B])
    target_BD = _bag(embedding(target_BT[both_B]), target_counts_BT[both_B])
    likeness_BB = source_BD @ target_BD.t() / TEMPERATURE
    right_B = torch.arange(len(likeness_BB), device=likeness_BB.device)
    return (F.cross_entropy(likeness_BB, right_B) + F.cross_entropy(likeness_BB.t(), right_B)) / 2


def _bag(embedded_BSD: Tensor, counts_BS: Tensor) -> Tensor:
    """Mean over the positions that count, of unit length: (B, D)."""
    return F.normalize((embedded_BSD * counts_BS.unsqueeze(-1)).sum(1), dim=-1)


def _rate(update: int, updates: int) -> float:
    return LEARNING_RATE * min(1.0, (update + 1) / WARMUP, 2 * (updates - update) / updates)
