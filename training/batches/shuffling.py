"""A pseudo-random order of n things of which any part can be computed alone: nothing stored, nothing to resume."""

from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_TURNS: Final = np.arange(4, dtype=np.uint64) * _GOLDEN  # four rounds: a strong permutation (Luby and Rackoff, 1988)


def shuffled_index(index: Array, count: Array, *key: "Array | int") -> Array:
    """Where each index goes under the permutation of range(count) that its key chooses.

    A Feistel network on the next even power of two; values that fall outside the range walk on until they fall inside.

    Args:
        index: [n] 0 <= index < count.
        count: [n] sizes.
        key: integers, each one number or [n]; another key, another permutation.

    Returns:
        [n] int64, for equal count and key a bijection of range(count).
    """
    seed = hashed(len(index), *key)
    half = np.ceil(np.log2(np.maximum(count, 2)) / 2).astype(np.uint64)
    out = _feistel(index.astype(np.uint64), half, seed)
    outside = np.flatnonzero(out >= count.astype(np.uint64))
    while len(outside):
        out[outside] = _feistel(out[outside], half[outside], seed[outside])
        outside = outside[out[outside] >= count[outside].astype(np.uint64)]
    return out.astype(np.int64)


def hashed(count: int, *key: "Array | int") -> Array:
    """[count] uint64 that look random: a hash of the integers of a key, each one number or [count]."""
    found = np.zeros(count, np.uint64)
    for part in key:
        found = _mix(found * _GOLDEN + np.asarray(part).astype(np.uint64) + _GOLDEN)
    return found


def _feistel(value: Array, half: Array, seed: Array) -> Array:
    """A bijection of range(4^half)."""
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = value >> half, value & mask
    for turn in _TURNS:
        left, right = right, left ^ (_mix(right + seed + turn) & mask)
    return (left << half) | right


def _mix(value: Array) -> Array:
    """The finaliser of splitmix64 (Steele, Lea and Flood, 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
