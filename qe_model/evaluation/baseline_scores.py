"""The baselines in the rows of `human`: tables from train, corrections and thresholds from dev, as the model's are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from parley.pipeline.progress import track
from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.annotations.labels import style_of
from qe_model.annotations.raters import labels_of
from qe_model.arrays import Floats
from qe_model.evaluation.agreement import rows_of
from qe_model.evaluation.baselines import AlignmentHeuristic, AllOk, Baseline, BaseRate, MinusLength
from qe_model.evaluation.metrics import DocumentBootstrap, best_threshold, confusion, mcc
from qe_model.scoring.fitting import fit_logistic

if TYPE_CHECKING:
    pass

Translations = Sequence[AnnotatedTranslation]


@dataclass(frozen=True)
class JudgedWords:
    """Words of one translation: its style, their badness [N] and the majority's severities [N]."""

    style: str
    badness: Floats
    gold: Floats


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
            baselines = fitted_baselines(parts["train"], dev)
            found[name] = {
                title: {"mcc": word_mcc(baseline, dev, parts["test"], samples)} for title, baseline in baselines.items()
            }
    return found


def fitted_baselines(train: Translations, dev: Translations) -> Mapping[str, Baseline]:
    """All that there is something to fit on."""
    found: dict[str, Baseline] = {"all_ok": AllOk(), "minus_length": MinusLength(), "base_rate": BaseRate.fit(dev)}
    if train:
        found["alignment"] = AlignmentHeuristic.fit((one.source, one.target) for one in train)
    return found


def word_mcc(baseline: Baseline, dev: Translations, test: Translations, samples: int) -> dict[str, Any]:
    """On test, with badness turned to log-odds and thresholded on dev."""
    tuned, tested = _judged(baseline, dev), _judged(baseline, test)
    styles = {one.style for one in tuned}
    corrections = {style: _correction([one for one in tuned if one.style == style]) for style in styles}
    other = _correction(tuned)  # of ways of annotating that dev has nothing of

    def log_odds(one: JudgedWords) -> Floats:
        return corrections.get(one.style, other)(one.badness)

    badness = np.concatenate([one.badness for one in tuned])
    bad = np.concatenate([one.gold for one in tuned]) > 0
    told = len(np.unique(badness)) > 1
    threshold = best_threshold(np.concatenate([log_odds(one) for one in tuned]), bad).value if told else np.inf
    counts = [confusion(one.gold, 2 * (log_odds(one) >= threshold)) for one in tested]
    documents = DocumentBootstrap([one.document for one in test], samples)
    return documents.estimate(np.stack(counts), mcc).to_json()


def _judged(baseline: Baseline, rows: Translations) -> list[JudgedWords]:
    pairs = zip(rows, baseline.score(rows), strict=True)
    return [JudgedWords(style_of(row), said.words, np.array(labels_of(row).severity)) for row, said in pairs]


def _correction(judged: Sequence[JudgedWords]) -> Callable[[Floats], Floats]:
    """Badness of words -> log-odds of bad, like the corrections of the model's probabilities."""
    words, bad = (np.concatenate([getattr(one, name) for one in judged]) for name in ("badness", "gold"))
    mean, spread = float(words.mean()), float(words.std()) or 1.0
    slope, shift = fit_logistic((words - mean) / spread, bad > 0)
    return lambda values: slope * (values - mean) / spread + shift
