"""Which examples share a batch: bucketed by length, cut at the token budgets."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from training.batches.config import BatchingConfig

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

CHUNK_BATCHES: Final = 400  # about so many batches are planned and sorted together; more fill better and cost memory
SOURCE_TOKENS: Final = 1.5  # padded source tokens of a batch, for each padded target token that it may hold
_BANDS: Final = 2.0  # bands of target length per square root of batches


def length_order(source: "Array", target: "Array", config: BatchingConfig, generator: np.random.Generator) -> "Array":
    """Order by bands of target length, in each by source length, up and down in turn so that neighbours stay alike.

    Bands hold equal shares of the target tokens. Their number follows the number of batches: more would fill targets
    better and sources worse.
    """
    tokens = np.bincount(target) * np.arange(int(target.max()) + 1)
    batches = max(tokens.sum() / config.batch_tokens, source.sum() / (SOURCE_TOKENS * config.batch_tokens))
    bands = np.ceil(_BANDS * np.sqrt(batches))
    band = ((np.cumsum(tokens) - tokens / 2) / tokens.sum() * bands).astype(np.int64)[target]
    along = np.where(band % 2, (1 << 15) - source, source).astype(np.int64)
    return np.argsort((band << 40) | (along << 20) | generator.integers(0, 1 << 20, len(source)))


def batch_edges(source: "Array", target: "Array", config: BatchingConfig) -> "Array":
    """Edges [n + 1] of batches over examples in order, each as long as both padded sizes stay within their budgets."""
    edges = [0]
    while edges[-1] < len(target):
        start = edges[-1]
        window = slice(start, start + max(1, config.batch_tokens // 2))
        sizes = np.arange(1, len(target[window]) + 1)
        fits = np.maximum.accumulate(target[window]) * sizes <= config.batch_tokens
        fits &= np.maximum.accumulate(source[window]) * sizes <= SOURCE_TOKENS * config.batch_tokens
        edges.append(start + max(1, int(fits.sum())))
    return np.array(edges)
