"""The model run over many translations: windows, batches of like length, probabilities in the given order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from parley.languages.words import Interval
from parley.pipeline.progress import progress_bar
from qe_model.annotations.annotation import SIDES, AnnotatedTranslation, Side
from qe_model.annotations.labels import style_of
from qe_model.annotations.words import words_of_side
from qe_model.arrays import Floats
from qe_model.model.collate import batches_of, collate
from qe_model.model.estimator import ParleyQEModel, QEOutput
from qe_model.model.inputs import InputEncoder, JointInput


@dataclass(frozen=True, slots=True)
class Probabilities:
    """What the model says of one translation of N words with a source of M words.

    Attributes:
        target_words, source_words: character intervals.
        target, gaps, source: [N, 4], [N + 1, 4], [M, 4] probabilities of ok, minor, major, critical.
        target_dimension, gap_dimension: [N, 3], [N + 1, 3] of accuracy, fluency, consistency, were it an error.
    """

    target_words: tuple[Interval, ...]
    source_words: tuple[Interval, ...]
    target: Floats
    gaps: Floats
    source: Floats
    target_dimension: Floats
    gap_dimension: Floats


_PARTS = ("target", "gaps", "source", "target_dimension", "gap_dimension")
Part = dict[str, Floats]


@torch.inference_mode()
def predict(
    model: ParleyQEModel,
    encoder: InputEncoder,
    translations: Sequence[AnnotatedTranslation],
    batch_tokens: int = 8192,
    style: str = "",
    description: str = "",
) -> list[Probabilities]:
    """Probabilities of each translation, in the given order.

    Args:
        style: way of annotating to follow, one of `STYLES`; empty: that of each translation.
        description: of a progress bar; empty for none.
    """
    words = {side: [words_of_side(one, side) for one in translations] for side in SIDES}
    windows = _windows(translations, encoder, words, style)
    flat = [window for of_one in windows for window in of_one]
    parts: list[Part] = [{}] * len(flat)
    with progress_bar(description, len(flat)) as bar:
        for batch in batches_of([one.length for one in flat], batch_tokens):
            chosen = collate([flat[place] for place in batch], encoder, model.config.pad_token_id or 0)
            output = model(chosen.to(model.device))
            for place, part in zip(batch, _split(output, chosen.word_counts, chosen.source_counts), strict=True):
                parts[place] = part
            if description:
                bar.advance(len(batch))
    remaining = iter(parts)
    return [
        Probabilities(words["target"][row], words["source"][row], **_joined([next(remaining) for _ in of_one]))
        for row, of_one in enumerate(windows)
    ]


def _windows(
    translations: Sequence[AnnotatedTranslation],
    encoder: InputEncoder,
    words: Mapping[Side, Sequence[tuple[Interval, ...]]],
    style: str,
) -> list[list[JointInput]]:
    sides = encoder.sides(translations, words)
    contexts = encoder.context([one.context for one in translations])
    found = []
    for place, one in enumerate(translations):
        languages = one.source_lang, one.target_lang
        parts = encoder.windows(languages, *sides[place], contexts[place], style or style_of(one))
        found.append([joint for joint, _, _ in parts])
    return found


def _split(output: QEOutput, words: Sequence[int], sources: Sequence[int]) -> list[Part]:
    """The outputs of each input of a batch."""
    sizes = {
        "target": list(words),
        "gaps": [n + 1 for n in words],
        "source": list(sources),
    }
    sizes |= {"target_dimension": sizes["target"], "gap_dimension": sizes["gaps"]}
    pieces: dict[str, list[Floats]] = {}
    for name in _PARTS:
        values = getattr(output, name).softmax(-1).cpu().numpy()
        pieces[name] = np.split(values, np.cumsum(sizes[name])[:-1])
    return [{name: pieces[name][row] for name in _PARTS} for row in range(len(words))]


def _joined(parts: list[Part]) -> Part:
    """The windows of one translation end to end; the gap between two windows is the later one's first."""
    joined = {}
    for name in _PARTS:
        values = [part[name] for part in parts]
        if name in ("gaps", "gap_dimension"):
            values = [*(value[:-1] for value in values[:-1]), values[-1]]
        joined[name] = np.concatenate(values)
    return joined
