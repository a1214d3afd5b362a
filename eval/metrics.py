"""Corpus metrics from per-message counts: chrF2, chrF++, BLEU; copies, empty and looping outputs.

Scores are sums of integer counts put through a formula, so one pass over the text serves the score and every bootstrap
sample. The counts equal sacrebleu's; point scores go through sacrebleu's own formula and so equal it to the last digit.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from eval.ngrams import Ints, character_statistics, word_statistics
from training.languages import LANGUAGES, language

Floats = NDArray[np.float64]
CHAR_ORDER: Final = 6
WORD_ORDER: Final = 2
BLEU_ORDER: Final = 4
CHRF2_COLUMNS: Final = 3 * CHAR_ORDER  # chrF2 is the character part of chrF++
_LOOP = re.compile(r"(.{2,}?)\1{3,}", re.DOTALL)
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
    wanted = {"zh-Hans": "zh", "zh-Hant": "zh", "ja": "ja-mecab", "ko": "ko-mecab", "th": "char"}
    name = wanted.get(language(target).code, "13a")
    if not name.endswith("mecab"):
        return name
    try:
        BLEU(tokenize=name)
    except (RuntimeError, ImportError):
        return "char"
    return name


@cache
def _chrf_metric(word_order: int) -> CHRF:
    metric = CHRF(word_order=word_order)
    metric.num_refs = 1
    return metric


def signatures(targets: Sequence[str]) -> dict[str, str]:
    """sacrebleu signatures by metric; BLEU by target language, since the tokenizer differs."""
    found = {"chrf": str(_chrf_metric(0).get_signature()), "chrfpp": str(_chrf_metric(WORD_ORDER).get_signature())}
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
    missing = [target for target in by_character if target in ("ja", "ko")]
    if missing:
        extras = ", ".join(f"[{target}]" for target in missing)
        lines.append(f"Word BLEU of {', '.join(missing)} needs MeCab: install the extra {extras}.")
    return lines


def statistics(hypotheses: Sequence[str], references: Sequence[str], target: str) -> Statistics:
    """Counts of [N] hypotheses against [N] references in one target language."""
    return Statistics(_chrf_statistics(hypotheses, references), _bleu_statistics(hypotheses, references, target))


def _chrf_statistics(hypotheses: Sequence[str], references: Sequence[str]) -> Ints:
    words = _chrf_metric(WORD_ORDER)._remove_punctuation
    squeezed = [["".join(text.split()) for text in side] for side in (hypotheses, references)]
    counts = np.concatenate(
        [
            character_statistics(squeezed[0], squeezed[1], CHAR_ORDER),
            word_statistics([words(text) for text in hypotheses], [words(text) for text in references], WORD_ORDER),
        ],
        axis=1,
    )
    counts[:, :, 0] *= counts[:, :, 1] > 0  # sacrebleu counts no hypothesis n-grams where the reference has none
    return counts.reshape(len(hypotheses), 3 * (CHAR_ORDER + WORD_ORDER))


def _bleu_statistics(hypotheses: Sequence[str], references: Sequence[str], target: str) -> Ints:
    tokenize = bleu_metric(target)._preprocess_segment
    tokens = [[tokenize(text).split() for text in side] for side in (hypotheses, references)]
    counts = word_statistics(tokens[0], tokens[1], BLEU_ORDER)
    return np.concatenate([counts[:, :1, 0], counts[:, :1, 1], counts[:, :, 2], counts[:, :, 0]], axis=1)


def chrf_score(sums: Ints, word_order: int = 0) -> float:
    """chrF2 (word_order 0) or chrF++ (2) from summed counts [24], by sacrebleu's own formula."""
    used = [int(count) for count in sums[: 3 * (CHAR_ORDER + word_order)]]
    return float(_chrf_metric(word_order)._compute_score_from_stats(used).score)


def bleu_score(sums: Ints, target: str) -> float:
    """BLEU from summed counts [10], by sacrebleu's own formula."""
    return float(bleu_metric(target)._compute_score_from_stats([int(count) for count in sums]).score)


def chrf_scores(sums: Floats, word_order: int = 0) -> Floats:
    """chrF of many samples at once: [B, 24] -> [B]; nan where a sample holds no message."""
    order = CHAR_ORDER + word_order
    hypothesis, reference, match = sums[:, : 3 * order].reshape(len(sums), order, 3).transpose(2, 0, 1)
    both = (hypothesis > 0) & (reference > 0)
    orders = np.maximum(both.sum(1), 1)
    precision = np.where(both, match / np.maximum(hypothesis, 1), 0.0).sum(1) / orders
    recall = np.where(both, match / np.maximum(reference, 1), 0.0).sum(1) / orders
    scores = 100 * 5 * precision * recall / np.maximum(4 * precision + recall, _EPSILON)
    return np.where(reference[:, 0] > 0, scores, np.nan)


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


def copy_rate(hypotheses: Sequence[str], sources: Sequence[str], references: Sequence[str]) -> float:
    """Share (0 to 1) of outputs that repeat the source although the reference does not."""
    triples = zip(*([_folded(text) for text in side] for side in (hypotheses, sources, references)), strict=True)
    return _share(hypothesis == source != reference for hypothesis, source, reference in triples)


def empty_rate(hypotheses: Sequence[str]) -> float:
    """Share (0 to 1) of outputs without any visible character."""
    return _share(not text.strip() for text in hypotheses)


def loop_rate(hypotheses: Sequence[str], sources: Sequence[str], references: Sequence[str]) -> float:
    """Share (0 to 1) of outputs that say a thing four times running where neither source nor reference does."""
    triples = zip(hypotheses, sources, references, strict=True)
    return _share(_loops(text) and not (_loops(source) or _loops(reference)) for text, source, reference in triples)


def _loops(text: str) -> bool:
    # A loop of four repeats at least three 4-grams; checking that first spares the slow pattern for nearly all texts.
    spaced = f"{text} "  # the last repeat of a word loop may end the text
    grams = len(spaced) - 3
    return len({spaced[i : i + 4] for i in range(grams)}) <= grams - 3 and bool(_LOOP.search(spaced))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values) if values else 0.0
