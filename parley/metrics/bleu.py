"""BLEU (Papineni et al. 2002) with the tokenizer of the target language, from counts that equal sacrebleu's."""

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from parley.languages.table import language
from parley.metrics.metric import Metric, Translations
from parley.metrics.ngrams import Floats, Ints, word_statistics
from parley.metrics.registry import metric

ORDER: Final = 4
_EPSILON: Final = 1e-16


@metric
class Bleu(Metric):
    """BLEU, exponential smoothing; [N, 10]: lengths of hypothesis and reference, matches and n-grams by order."""

    name = "bleu"
    label = "BLEU"
    width = 2 + 2 * ORDER

    def statistics(self, texts: Translations) -> Ints:
        """Counts [N, 10] of each message."""
        tokenize = sacrebleu_bleu(texts.target)._preprocess_segment
        tokens = [[tokenize(text).split() for text in side] for side in (texts.hypotheses, texts.references)]
        counts = word_statistics(tokens[0], tokens[1], ORDER)
        return np.concatenate([counts[:, :1, 0], counts[:, :1, 1], counts[:, :, 2], counts[:, :, 0]], axis=1)

    def scores(self, sums: Floats) -> Floats:
        """BLEU of many samples at once: [B, 10] -> [B]; nan where a sample holds no message."""
        length, reference = sums[:, 0], sums[:, 1]
        correct, total = sums[:, 2 : 2 + ORDER], sums[:, 2 + ORDER :]
        missed = (correct == 0) & (total > 0)
        smoothed = np.where(missed, 0.5 ** np.cumsum(missed, axis=1), correct) / np.maximum(total, 1)
        with np.errstate(divide="ignore"):
            logs = np.log(smoothed).mean(1)  # an order without n-grams makes it -inf: BLEU 0, as in sacrebleu
        penalty = np.minimum(0.0, 1 - reference / np.maximum(length, _EPSILON))
        found = np.where(correct.any(1), 100 * np.exp(logs + penalty), 0.0)
        return np.where(reference > 0, found, np.nan)

    def score(self, sums: Ints, target: str) -> float:
        """BLEU from summed counts [10], by sacrebleu's own formula."""
        return float(sacrebleu_bleu(target)._compute_score_from_stats([int(count) for count in sums]).score)

    def signatures(self, targets: Sequence[str]) -> dict[str, str]:
        """By target language, since the tokenizer differs."""
        return {f"bleu/{target}": str(sacrebleu_bleu(target).get_signature()) for target in targets}

    def notes(self, targets: Sequence[str]) -> list[str]:
        """Where BLEU is over characters, and what would make it one over words."""
        by_character = [target for target in targets if bleu_tokenizer(target) == "char"]
        missing = [target for target in by_character if language(target).bleu != "char"]
        lines = []
        if by_character:
            where = ", ".join(by_character)
            lines.append(f"BLEU of {where} is over characters: higher than word BLEU, not comparable to it.")
        if missing:
            extras = ", ".join(f"[{target}]" for target in missing)
            lines.append(f"Word BLEU of {', '.join(missing)} needs MeCab: install the extra {extras}.")
        return lines


@cache
def sacrebleu_bleu(target: str) -> BLEU:
    """sacrebleu's BLEU with the tokenizer of the target language."""
    made = BLEU(tokenize=bleu_tokenizer(target), force=True)
    made.num_refs = 1
    return made


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
