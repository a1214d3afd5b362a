"""Scores of translations without references: marked spans, severities, dimensions, penalties. The library call.

    scorer = QualityScorer.load("runs/demo/qe")
    for one in scorer.score([make_pair("en", "de", "Ready?", "Bist du bereit?")]):
        print(one.score, one.spans)

`score` is 100 x exp(-penalty / 25): 100 for no error, 96 for one minor, 82 for one major, 37 for one critical error.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch

from parley.languages.identification import LanguageIdentifier
from parley.languages.table import LANGUAGES
from parley.languages.words import words_of
from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import (
    SEVERITY_LABELS,
    STYLES,
    AnnotatedTranslation,
    ContextMessage,
    ErrorSpan,
    WordLabels,
)
from qe_model.annotations.labels import SCORED_DIMENSIONS
from qe_model.annotations.normal_form import NormalText, in_normal_form
from qe_model.annotations.words import labels_to_spans
from qe_model.model.estimator import ParleyQEModel
from qe_model.model.inputs import InputEncoder
from qe_model.scoring.decisions import Decisions, expected_points
from qe_model.scoring.prediction import Probabilities, predict
from training.model.loading import to_device

NON_TRANSLATION: Final = 25.0  # points of a text that is no translation (MQM; Freitag et al., 2021)
_SAME_ENOUGH: Final = 3  # a copy of so many words is no name and no interjection
_SURE_LETTERS: Final = 20  # of a text whose language is judged by more than its script
_SCALE: Final = 25.0


@dataclass(frozen=True, slots=True)
class QualityScore:
    """What the model says of one translation.

    Attributes:
        spans: errors on both sides; omissions are points.
        words: severity and dimension of each word and gap of the translation.
        probabilities: what they were decided from.
        penalty: calibrated MQM points, 0 for no error; not divided by length.
        dimensions: what of the penalty accuracy, fluency and consistency have.
        score: 0 to 100, higher is better.
        flags: `empty`, `copied` (the source again), `wrong_language`; each counts 25 points at least.
    """

    spans: tuple[ErrorSpan, ...]
    words: WordLabels
    probabilities: Probabilities
    penalty: float
    dimensions: dict[str, float]
    score: float
    flags: tuple[str, ...]

    def errors(self) -> dict[str, int]:
        """Target-side errors by severity."""
        counted = [span.severity for span in self.spans if span.side == "target"]
        return {severity: counted.count(severity) for severity in SEVERITY_LABELS[1:]}  # type: ignore[arg-type]


def make_pair(
    source_lang: str,
    target_lang: str,
    source: str,
    target: str,
    context: Sequence[ContextMessage] = (),
    row: str = "pair",
) -> AnnotatedTranslation:
    """A translation to score; `row` names it in errors."""
    return AnnotatedTranslation(row, row, "", source_lang, target_lang, source, target, tuple(context))


def score_of(penalty: float) -> float:
    """Penalty points to the scale of 0 to 100."""
    return 100 * math.exp(-penalty / _SCALE)


class QualityScorer:
    """Scores translations with a trained model.

    Args:
        model: in evaluation mode.
        encoder: of texts, with the model's tokenizer.
        decisions: thresholds and calibration.
        style: whose way of marking is followed (`STYLES`); empty: as the decisions say.
        batch_tokens: padded pieces read at once; does not change the result.
    """

    def __init__(
        self,
        model: ParleyQEModel,
        encoder: InputEncoder,
        decisions: Decisions,
        style: str = "",
        batch_tokens: int = 8192,
    ) -> None:
        if style and style not in STYLES:
            raise InputError(f"style={style!r}: choose one of {', '.join(STYLES)}")
        self.model, self.encoder, self.decisions = model.eval(), encoder, decisions
        self.style, self.batch_tokens = style or decisions.style, batch_tokens
        self._languages = LanguageIdentifier(min_letters=_SURE_LETTERS)

    @classmethod
    def load(
        cls,
        folder: str | Path,
        style: str = "",
        batch_tokens: int = 8192,
        device: str = "auto",
        precision: Literal["fp32", "bf16"] = "fp32",
    ) -> "QualityScorer":
        """Model, tokenizer and decisions from one folder.

        Args:
            device: auto is a GPU where there is one.
            precision: bf16 is faster where the machine multiplies in it; scores then differ in the third digit.

        Raises:
            InputError: not a quality-estimation model.
        """
        from qe_model.model.saving import load_quality_model

        model, encoder = load_quality_model(Path(folder))
        decisions = Decisions.load(Path(folder))
        place = "cuda" if device == "auto" and torch.cuda.is_available() else "cpu" if device == "auto" else device
        to_device(model, torch.device(place), torch.bfloat16 if precision == "bf16" else torch.float32)
        return cls(model, encoder, decisions, style, batch_tokens)

    def following(self, style: str) -> "QualityScorer":
        """The same model, marking as another kind of annotators does."""
        return QualityScorer(self.model, self.encoder, self.decisions, style, self.batch_tokens)

    def score(self, translations: Sequence[AnnotatedTranslation], description: str = "") -> list[QualityScore]:
        """Score each translation as if it were written in the normal form; words and spans are those of its own text.

        Annotations that they carry are not looked at.
        """
        if not translations:
            return []
        normal = [in_normal_form(replace(one, spans=())) for one in translations]
        found = predict(self.model, self.encoder, normal, self.batch_tokens, self.style, description)
        return [self._decide(*each) for each in zip(normal, map(_as_written, translations, found), strict=True)]

    def score_texts(
        self,
        sources: Sequence[str],
        targets: Sequence[str],
        languages: Sequence[tuple[str, str]],
        description: str = "",
    ) -> list[QualityScore]:
        """Score messages of any directions, in the given order: what a report of a whole run needs.

        Args:
            languages: codes of source and target of each message.

        Raises:
            InputError: lists of different lengths.
        """
        if not len(sources) == len(targets) == len(languages):
            raise InputError(
                f"{len(sources)} sources but {len(targets)} translations and {len(languages)} pairs of languages: "
                "they do not belong together"
            )
        rows = zip(languages, sources, targets, strict=True)
        return self.score([make_pair(*pair, source, target) for pair, source, target in rows], description)

    def _decide(self, one: AnnotatedTranslation, said: Probabilities) -> QualityScore:
        flags = self._flags(one)
        target, gaps, source = (
            self.decisions.severities(getattr(said, unit), self.decisions.threshold(unit, self.style, one.direction))
            for unit in ("target", "gaps", "source")
        )
        if flags:
            target, gaps = np.full_like(target, 3), gaps * 0
            gaps[0] = 3 * (not len(target))
        words = WordLabels(
            said.target_words,
            tuple(target.tolist()),
            tuple(np.where(target > 0, said.target_dimension.argmax(-1) + 1, 0).tolist()),
            tuple(gaps.tolist()),
            tuple(np.where(gaps > 0, said.gap_dimension.argmax(-1) + 1, 0).tolist()),
        )
        level = tuple(source.tolist())
        unknown = (0,) * (len(level) + 1)
        marked = WordLabels(said.source_words, level, tuple(int(x > 0) for x in level), unknown, unknown)
        spans = (*labels_to_spans(words), *labels_to_spans(marked, "source"))
        penalty = self._penalty(one, said, flags)
        return QualityScore(spans, words, said, penalty, _dimensions(said, penalty), score_of(penalty), flags)

    def _penalty(self, one: AnnotatedTranslation, said: Probabilities, flags: tuple[str, ...]) -> float:
        if not one.target.strip() and not one.source.strip():
            return 0.0
        points = self.decisions.penalty(self.decisions.raw_penalty(said.target, said.gaps), self.style, one.direction)
        return max(points, NON_TRANSLATION) if flags else points

    def _flags(self, one: AnnotatedTranslation) -> tuple[str, ...]:
        """What needs no model to be seen."""
        source, target = one.source.split(), one.target.split()
        if not target:
            return ("empty",) if source else ()
        if one.source_lang == one.target_lang:
            return ()
        flags = []
        if source == target and len(_lettered(one.target)) >= _SAME_ENOUGH:
            flags.append("copied")
        known = one.source_lang if one.source_lang in LANGUAGES else None
        if one.target_lang in LANGUAGES and self._languages.off_target(one.target, one.target_lang, known):
            flags.append("wrong_language")
        return tuple(flags)


def _as_written(one: AnnotatedTranslation, said: Probabilities) -> Probabilities:
    """The same for words of the texts as they were given."""
    source, target = (NormalText.of(text) for text in (one.source, one.target))
    words = tuple(map(target.written, said.target_words)), tuple(map(source.written, said.source_words))
    return replace(said, target_words=words[0], source_words=words[1])


def _dimensions(said: Probabilities, penalty: float) -> dict[str, float]:
    """The penalty's parts: words and gaps share their expected points among the dimensions."""
    units = ((said.target, said.target_dimension), (said.gaps, said.gap_dimension))
    parts = sum((expected_points(levels) @ dimension for levels, dimension in units), np.zeros(len(SCORED_DIMENSIONS)))
    return dict(zip(SCORED_DIMENSIONS, (parts * penalty / max(parts.sum(), 1e-9)).tolist(), strict=True))


def _lettered(text: str) -> list[str]:
    """Words of letters; in scripts without spaces, characters."""
    return [text[start:end] for start, end in words_of(text) if text[start:end].isalpha()]
