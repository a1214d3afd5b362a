"""Parts of the test set by themselves: short and mixed messages, and what an output should have copied."""

import re
from collections import Counter
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eval.scoring.buckets import source_kinds
from eval.scoring.direction_scores import score_part
from parley.languages.fixed_spans import fixed_spans
from parley.languages.table import pair

SHORT: Final = 10  # characters
_NAME: Final = re.compile(r"(?<![^\W_])[A-Z][A-Za-z0-9]{2,}(?![^\W_])")
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
    """By system and kind: of the URLs, handles, numbers, emoji ... that source and reference share, how many are there.

    A name is a Latin word with a capital that stands in both, whatever their languages.

    Returns:
        {system: {kind: {"accuracy": share, "n": how many}}}, `all` among the kinds; those that nothing has are absent.
    """
    columns = [outputs[name].to_pylist() for name in ("system", "source", "reference", "hypothesis")]
    found, wanted = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for system, source, reference, hypothesis in zip(*columns, strict=True):
        shared = copied_keys(source) & copied_keys(reference)
        for (kind, _), count in shared.items():
            for counted in (kind, "all"):
                wanted[system, counted] += count
        for (kind, _), count in (shared & copied_keys(hypothesis)).items() if shared else ():
            for counted in (kind, "all"):
                found[system, counted] += count
    accuracy: Json = {}
    for (system, kind), n in sorted(wanted.items()):
        accuracy.setdefault(system, {})[kind] = {"accuracy": found[system, kind] / n, "n": n}
    return accuracy


@lru_cache(1 << 16)
def copied_keys(text: str) -> Counter[tuple[str, str]]:
    """(kind, key) of all spans that mean the same in every language, with how often each stands there."""
    spans = fixed_spans(text)
    names = (name.group() for name in _NAME.finditer(text) if not any(s.start <= name.start() < s.end for s in spans))
    return Counter([*((span.kind, span.key) for span in spans), *(("names", name) for name in names)])
