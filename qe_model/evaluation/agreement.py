"""How well scores agree with annotations on held-out documents, by direction, with intervals over documents."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from qe_model.annotations.annotation import APART, AnnotatedTranslation, ErrorSpan, WordLabels, penalty
from qe_model.annotations.labels import style_of
from qe_model.annotations.raters import labels_of
from qe_model.annotations.words import labels_to_spans
from qe_model.evaluation.metrics import SPAN_METRICS, WORD_METRICS, DocumentBootstrap, confusion, mcc, span_counts
from qe_model.evaluation.sentence_metrics import (
    Pairs,
    pairwise_accuracy,
    publishable,
    spearman,
    system_accuracy,
)
from qe_model.scoring.calibration import calibration
from qe_model.scoring.decisions import Decisions
from qe_model.scoring.publishable import has_serious_error
from qe_model.scoring.scorer import QualityScore, QualityScorer

TIE: Final = 1e-9  # at least: equal up to rounding


@dataclass(frozen=True)
class Judged:
    """A translation, what the model says of it, and what its raters' majority says of the same words."""

    translation: AnnotatedTranslation
    said: QualityScore
    gold: WordLabels


def direction_and_style(translation: AnnotatedTranslation) -> str:
    """`en-de` of news and talks; `en-de/medical`, `en-de/chat` and `en-de/tags` apart.

    Their annotators mark such different shares of words that a correlation over all of them would be one between sets.
    """
    style = style_of(translation)
    return f"{translation.direction}/{style}" if style in APART else translation.direction


def rows_of(translations: Sequence[AnnotatedTranslation]) -> dict[str, list[int]]:
    """Places of the translations of each row, by `direction_and_style`."""
    rows: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(translations):
        rows[direction_and_style(one)].append(place)
    return dict(sorted(rows.items()))


def sets_of(translations: Sequence[AnnotatedTranslation]) -> dict[str, list[int]]:
    """Likewise by file and direction, `mqm_wmt22qe/en-de`; translations by people apart, `mqm_ted2021/en-de/people`."""
    sets: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(translations):
        people = "/people" if by_people(one) else ""
        sets[f"{one.id.split(':')[0]}/{one.direction}{people}"].append(place)
    return dict(sorted(sets.items()))


def by_people(translation: AnnotatedTranslation) -> bool:
    """Whether it is a translation of people among those of systems."""
    return translation.system.startswith(("Human", "ref"))


def scored_as_annotated(
    scorer: QualityScorer, rows: Sequence[AnnotatedTranslation], description: str
) -> list[QualityScore]:
    """Scores in the given order, each in its annotators' style: word tags mark several times as much as MQM does."""
    styles = [style_of(one) for one in rows]
    found: dict[int, QualityScore] = {}
    for style in dict.fromkeys(styles):
        places = [place for place, own in enumerate(styles) if own == style]
        scores = scorer.following(style).score([rows[place] for place in places], f"{description} ({style})")
        found |= zip(places, scores, strict=True)
    return [found[place] for place in range(len(rows))]


def agreement(
    translations: Sequence[AnnotatedTranslation],
    scores: Sequence[QualityScore],
    decisions: Decisions,
    samples: int = 1000,
    rows: Callable[[Sequence[AnnotatedTranslation]], dict[str, list[int]]] = rows_of,
) -> dict[str, dict[str, Any]]:
    """Metrics of words and spans for each row, and of sentences where severities are known.

    Args:
        decisions: those behind the scores: their ties count as equal.
        samples: of the bootstrap over documents.
        rows: places of translations by the name of their row.

    Raises:
        ValueError: not one score for each translation.
    """
    judged = _judged(translations, scores)
    return {
        name: _row([judged[place] for place in places], decisions, samples)
        for name, places in rows(translations).items()
    }


def pooled_agreement(
    translations: Sequence[AnnotatedTranslation], scores: Sequence[QualityScore], samples: int = 1000
) -> dict[str, Any]:
    """Metrics of words and spans over all directions together."""
    judged = _judged(translations, scores)
    return _words(judged, _documents(judged, samples))


def _judged(translations: Sequence[AnnotatedTranslation], scores: Sequence[QualityScore]) -> list[Judged]:
    pairs = zip(translations, scores, strict=True)
    return [Judged(one, said, labels_of(one, said.words.words)) for one, said in pairs]


def _row(judged: Sequence[Judged], decisions: Decisions, samples: int) -> dict[str, Any]:
    documents = _documents(judged, samples)
    found = _words(judged, documents)
    if all("severity" in one.translation.known for one in judged):
        found["sentence"] = _sentences(judged, decisions, documents)
    return found


def _documents(judged: Sequence[Judged], samples: int) -> DocumentBootstrap:
    return DocumentBootstrap([one.translation.document for one in judged], samples)


def _words(judged: Sequence[Judged], documents: DocumentBootstrap) -> dict[str, Any]:
    words = np.stack([confusion(one.gold.severity, one.said.words.severity) for one in judged])
    gaps = np.stack([confusion(one.gold.gaps, one.said.words.gaps) for one in judged])
    spans = np.stack([span_counts(*_spans(one), len(one.translation.target)) for one in judged])
    found: dict[str, Any] = {"translations": len(judged), "documents": documents.documents, "words": int(words.sum())}
    found |= {name: documents.estimate(words, score).to_json() for name, score in WORD_METRICS.items()}
    found["gap_mcc"] = documents.estimate(gaps, mcc).to_json()
    found |= {name: documents.estimate(spans, score).to_json() for name, score in SPAN_METRICS.items()}
    bad = np.concatenate([np.array(one.gold.severity) > 0 for one in judged])
    probabilities = np.concatenate([1 - one.said.probabilities.target[:, 0] for one in judged]).clip(0, 1)
    if len(bad):
        found["calibration"] = calibration(probabilities.astype(np.float64), bad)
    return found


def _spans(judged: Judged) -> tuple[Sequence[ErrorSpan], Sequence[ErrorSpan]]:
    """Spans of people, or their majority's words where there are several, and the model's; major without severities."""
    one, predicted = judged.translation, judged.said.spans
    if "severity" not in one.known:
        predicted = tuple(replace(span, severity="major") for span in predicted)
    return labels_to_spans(judged.gold) if len(one.raters) > 1 else one.spans, predicted


def _sentences(judged: Sequence[Judged], decisions: Decisions, documents: DocumentBootstrap) -> dict[str, Any]:
    """Agreement of penalties; both sides as quality, so higher is better."""
    first = judged[0].translation
    tie = max(TIE, decisions.tie(style_of(first), first.direction))
    human = -np.array([penalty(one.translation.spans, len(one.translation.raters)) for one in judged])
    model = -np.array([one.said.penalty for one in judged])
    lengths = np.array([max(1, len(one.gold.words)) for one in judged])  # alone it must explain nothing
    pairs = Pairs.of([one.translation.source for one in judged])
    systems = [one.translation.system for one in judged]
    estimates = {
        "pairwise_accuracy": pairwise_accuracy(pairs, human, model, tie, documents),
        "spearman": spearman(human, model, documents),
        "spearman_per_word": spearman(human / lengths, model / lengths, documents),
        "system_accuracy": system_accuracy(systems, human, model, documents),
    }
    found: dict[str, Any] = {name: estimate.to_json() for name, estimate in estimates.items()}
    goes_out = np.array([decisions.may_go_out(-penalty, style_of(first), first.direction) for penalty in model])
    clean = ~np.array([has_serious_error(one.translation) for one in judged])
    found["publishable"] = publishable(goes_out, clean, documents)
    means = {"human": float(-human.mean()), "model": float(-model.mean())}
    return {**found, "pairs": len(pairs), "tie": tie, "mean_penalty": means}
