"""Parts of the test set by themselves: short and mixed messages, and what an output should have copied."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eval.scoring.buckets import source_kinds
from eval.scoring.direction_scores import score_part
from parley.languages.table import pair

SHORT: Final = 10  # characters
_COPIED: Final = {
    "numbers": re.compile(r"\d+(?:[.,:]\d+)*"),
    "urls": re.compile(r"(?:https?://|www\.)\S+|\b[\w.-]+\.(?:com|org|net|io|gg|tv)(?:/\S*)?\b"),
    "mentions": re.compile(r"[@#]\w+"),
    "emoji": re.compile("[\U0001f300-\U0001faff\U00002600-\U000027bf]"),
}
Json = dict[str, Any]
Mask = NDArray[np.bool_]


def score_natural(outputs: pa.Table, messages: pa.Table, metric: str, samples: int, seed: int) -> Json:
    """A metric on short messages and on those that mix languages, by slice and system; empty slices are absent.

    Args:
        outputs: columns of `eval.testsets.outputs.SCHEMA`.
        messages: their scores, aligned.
    """
    return {
        name: score_part(messages, mask, metric, samples, seed)
        for name, mask in natural_slices(outputs).items()
        if mask.any()
    }


def natural_slices(outputs: pa.Table) -> dict[str, Mask]:
    """[N] which outputs are of a short message (10 characters at most), and of one that mixes languages."""
    sources, codes = outputs["source"].to_pylist(), [pair(name)[0] for name in outputs["pair"].to_pylist()]
    mixed = ["mixed_language" in source_kinds(text, code) for text, code in zip(sources, codes, strict=True)]
    return {"short": np.array([len(text) <= SHORT for text in sources], bool), "code_mixed": np.array(mixed, bool)}


def copy_accuracy(outputs: pa.Table) -> Json:
    """By system and kind: of the numbers, URLs, mentions and emoji that source and reference share, how many are there.

    Returns:
        {system: {kind: {"accuracy": share, "n": how many}}}; kinds that nothing has are absent.
    """
    columns = [outputs[name].to_pylist() for name in ("system", "source", "reference", "hypothesis")]
    shared: dict[tuple[str, str], list[tuple[str, str]]] = {}
    counts: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for system, source, reference, hypothesis in zip(*columns, strict=True):
        key = (source, reference)
        if key not in shared:
            shared[key] = wanted_copies(source, reference)
        for kind, piece in shared[key]:
            count = counts[system][kind]
            count[0] += piece in hypothesis
            count[1] += 1
    return {
        system: {kind: {"accuracy": found / n, "n": n} for kind, (found, n) in sorted(kinds.items())}
        for system, kinds in counts.items()
    }


def wanted_copies(source: str, reference: str) -> list[tuple[str, str]]:
    """(kind, piece) of what stands in both source and reference as it is."""
    pieces: Sequence[tuple[str, str]] = [
        (kind, found.group()) for kind, pattern in _COPIED.items() for found in pattern.finditer(source)
    ]
    return [(kind, piece) for kind, piece in dict.fromkeys(pieces) if piece in reference]
