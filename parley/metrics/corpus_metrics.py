"""Corpus metrics from per-message counts: chrF2, chrF++, BLEU.

Scores are sums of integer counts put through a formula, so one pass over the text serves the score and every bootstrap
sample. The counts equal sacrebleu's; point scores go through sacrebleu's own formula and so equal it to the last digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from parley.languages.table import LANGUAGES, language
from parley.metrics.chrf import WORD_ORDER, Floats, chrf_metric, chrf_statistics
from parley.metrics.ngrams import Ints, word_statistics

BLEU_ORDER: Final = 4
_EPSILON: Final = 1e-16


@dataclass(frozen=True)
class Statistics:
    """Counts per message: chrf [N, 24] as sacrebleu orders them for chrF++, bleu [N, 10]."""

    chrf: Ints
    bleu: Ints


@cache
def bleu_metric(target: str) -> BLEU:
    """sacrebleu's BLEU with the tokenizer of the target language."""
    metric = BLEU(tokenize=bleu_tokenizer(target), force=True)
    metric.num_refs = 1
    return metric


@cache
def bleu_tokenizer(target: str) -> str:
    """Name of the sacrebleu tokenizer: zh, ja-mecab, ko-mecab, char or 13a; char where MeCab is not installed."""
    name = language(target).bleu
    if not name.endswith("mecab"):
        return name
    try:
        BLEU(tokenize=name)
    except (RuntimeError, ImportError):
        return "char"
    return name


def signatures(targets: Sequence[str]) -> dict[str, str]:
    """sacrebleu signatures by metric; BLEU by target language, since the tokenizer differs."""
    found = {"chrf": str(chrf_metric(0).get_signature()), "chrfpp": str(chrf_metric(WORD_ORDER).get_signature())}
    return found | {f"bleu/{target}": str(bleu_metric(target).get_signature()) for target in targets}


def notes(targets: Sequence[str]) -> list[str]:
    """What a reader of word-based figures must know about these target languages."""
    lines = []
    unspaced = [target for target in targets if not LANGUAGES[target].spaced]
    if unspaced:
        lines.append(f"chrF++ takes words between spaces, which {', '.join(unspaced)} hardly has: read chrF there.")
    by_character = [target for target in targets if bleu_tokenizer(target) == "char"]
    if by_character:
        lines.append(
            f"BLEU of {', '.join(by_character)} is over characters: higher than word BLEU, not comparable to it."
        )
    missing = [target for target in by_character if LANGUAGES[target].bleu != "char"]
    if missing:
        extras = ", ".join(f"[{target}]" for target in missing)
        lines.append(f"Word BLEU of {', '.join(missing)} needs MeCab: install the extra {extras}.")
    return lines


def statistics(hypotheses: Sequence[str], references: Sequence[str], target: str) -> Statistics:
    """Counts of [N] hypotheses against [N] references in one target language."""
    return Statistics(chrf_statistics(hypotheses, references), _bleu_statistics(hypotheses, references, target))


def _bleu_statistics(hypotheses: Sequence[str], references: Sequence[str], target: str) -> Ints:
    tokenize = bleu_metric(target)._preprocess_segment
    tokens = [[tokenize(text).split() for text in side] for side in (hypotheses, references)]
    counts = word_statistics(tokens[0], tokens[1], BLEU_ORDER)
    return np.concatenate([counts[:, :1, 0], counts[:, :1, 1], counts[:, :, 2], counts[:, :, 0]], axis=1)


def bleu_score(sums: Ints, target: str) -> float:
    """BLEU from summed counts [10], by sacrebleu's own formula."""
    return float(bleu_metric(target)._compute_score_from_stats([int(count) for count in sums]).score)


def bleu_scores(sums: Floats) -> Floats:
    """BLEU of many samples at once, exponential smoothing: [B, 10] -> [B]; nan where a sample holds no message."""
    length, reference = sums[:, 0], sums[:, 1]
    correct, total = sums[:, 2 : 2 + BLEU_ORDER], sums[:, 2 + BLEU_ORDER :]
    missed = (correct == 0) & (total > 0)
    smoothed = np.where(missed, 0.5 ** np.cumsum(missed, axis=1), correct) / np.maximum(total, 1)
    with np.errstate(divide="ignore"):
        logs = np.log(smoothed).mean(1)  # an order without n-grams makes it -inf: BLEU 0, as in sacrebleu
    penalty = np.minimum(0.0, 1 - reference / np.maximum(length, _EPSILON))
    scores = np.where(correct.any(1), 100 * np.exp(logs + penalty), 0.0)
    return np.where(reference > 0, scores, np.nan)
