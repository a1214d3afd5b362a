"""Simple judges of words that a quality estimator has to beat, on the same words; thresholds are tuned on dev.

A judge gives each word of a translation, as `words.words_of_side` cuts it, a badness: higher is worse.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np

from parley.pipeline.progress import track
from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.annotations.labels import style_of
from qe_model.annotations.raters import labels_of
from qe_model.annotations.words import words_of_side
from qe_model.arrays import Floats
from qe_model.evaluation.agreement import rows_of
from qe_model.evaluation.metrics import DocumentBootstrap, best_threshold, confusion, mcc
from qe_model.evaluation.word_table import UNKNOWN, WordTable, lower_words

Translations = Sequence[AnnotatedTranslation]
Judge = Callable[[AnnotatedTranslation], Floats]
_FLOOR: Final = 1e-6


def base_rate(translations: Translations) -> Judge:
    """All words are as bad as words of translations that were annotated in the same way are on average.

    What a correlation over several sets gains from knowing the set alone; 0 within one set.
    """
    bad: dict[str, list[bool]] = defaultdict(list)
    for one in translations:
        bad[style_of(one)] += [severity > 0 for severity in labels_of(one).severity]
    rates = {style: float(np.mean(labels)) for style, labels in bad.items() if labels}
    return lambda one: np.full(len(words_of_side(one)), rates.get(style_of(one), 0.0))


def alignment(pairs: Iterable[tuple[str, str]]) -> Judge:
    """A word is as bad as it is unlikely: minus the log of the best t(word | source word), or of its frequency.

    Args:
        pairs: source and target texts of one direction, for IBM model 1 (Brown et al., 1993).
    """
    table = WordTable.fit(pairs)
    frequency = (table.counts + 1) / (table.counts.sum() + len(table.counts))

    def judge(one: AnnotatedTranslation) -> Floats:
        words = [one.target[start:end].lower() for start, end in words_of_side(one)]
        source = lower_words(one.source)
        best_N, numbers_N = table.probabilities(source, words).max(0), table.numbers(words)
        likely_N = np.maximum(best_N, frequency[numbers_N]) if len(frequency) else best_N
        unseen_N = np.where(np.isin(words, source), 1.0, _FLOOR)  # never seen: fine if it is copied, else bad
        return -np.log(np.maximum(_FLOOR, np.where(numbers_N == UNKNOWN, unseen_N, likely_N)))

    return judge


def baseline_scores(known: Translations, test: Translations, samples: int) -> dict[str, Any]:
    """Word MCC of each baseline by row of `rows_of`, where there is anything to tune on.

    Args:
        known: translations of train and dev.
        test: machine translations.
    """
    splits = {split: [one for one in known if one.split == split] for split in ("train", "dev")} | {"test": test}
    rows = {split: rows_of(members) for split, members in splits.items()}
    found: dict[str, Any] = {}
    for name in track(list(rows["test"]), "baselines", len(rows["test"])):
        parts = {split: [splits[split][place] for place in rows[split].get(name, [])] for split in splits}
        if dev := parts["dev"] or parts["train"]:
            judges = {"base_rate": base_rate(dev)}
            if parts["train"]:
                judges["alignment"] = alignment((one.source, one.target) for one in parts["train"])
            found[name] = {title: {"mcc": _mcc(judge, dev, parts["test"], samples)} for title, judge in judges.items()}
    return found


def _mcc(judge: Judge, dev: Translations, test: Translations, samples: int) -> dict[str, Any]:
    badness = np.concatenate([judge(one) for one in dev])
    bad = np.concatenate([np.array(labels_of(one).severity) for one in dev]) > 0
    limit = best_threshold(badness, bad).value if len(np.unique(badness)) > 1 else np.inf
    counts = [confusion(labels_of(one).severity, 2 * (judge(one) >= limit)) for one in test]
    return DocumentBootstrap([one.document for one in test], samples).estimate(np.stack(counts), mcc).to_json()
