"""The stage `qe_evaluation`: the model on held-out documents beside simple baselines, and the checks of the report."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np

from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from parley.pipeline.progress import track
from parley.pipeline.stage import Needs, Stage
from qe_model.annotations.annotation import STYLES, AnnotatedTranslation
from qe_model.model.config import QEEvaluationConfig

if TYPE_CHECKING:
    from qe_model.evaluation.baselines import Baseline
    from qe_model.scoring.scorer import QualityScore, QualityScorer

SCORES: Final = "qe_scores.json"


class QEEvaluationStage(Stage[QEEvaluationConfig]):
    """Tests `qe` on the test split of `qe_data`; writes `qe_scores.json`.

    Keys: `human` by direction and kind of text (`agreement.rows_of`), without translations by people; `human_sets` by
    file and direction; `synthetic` by direction, `synthetic_all` over all; `context` (accuracy on pairs that only the
    conversation decides, with and without it); `damage` by language; `baselines` as `human`, by name.
    """

    name = "qe_evaluation"
    needs: ClassVar[Needs] = Needs(cores=0, memory_gb=8.0, accelerators=1)
    version: ClassVar[int] = 5  # all kinds of text of a direction have a row together, too

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Score, compare, write.

        Raises:
            InputError: no test data, no human annotation of a wanted direction, or no quality-estimation model.
        """
        from qe_model.model.stages import annotated
        from qe_model.scoring.scorer import QualityScorer

        precision: Literal["fp32", "bf16"] = "bf16" if self.config.precision == "bf16" else "fp32"
        scorer = QualityScorer.load(inputs["qe"], precision=precision)
        test = annotated(inputs["qe_data"], "test")
        _check_directions(self.config.human_directions, test)
        test = _some_of_people(test, self.config)
        scores = scores_on_test(scorer, test, self.config)
        if self.config.baselines:
            scores["baselines"] = self._baselines(scorer, test, inputs["qe_data"])
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / SCORES, finite(scores))
        return {key: scores[key] for key in ("synthetic_all", "context") if key in scores}

    def _baselines(self, scorer: "QualityScorer", test: list[AnnotatedTranslation], folder: Path) -> dict[str, Any]:
        from qe_model.model.stages import annotated

        humans = [one for one in test if one.origin == "human"]
        directions = {one.direction for one in humans}
        dev = _some_of_people(annotated(folder, "dev"), self.config)
        known = [one for one in [*annotated(folder, "train"), *dev] if one.direction in directions]
        return baseline_scores(scorer, known, humans, self.config) if humans else {}


def scores_on_test(
    scorer: "QualityScorer", test: Sequence[AnnotatedTranslation], config: QEEvaluationConfig
) -> dict[str, Any]:
    """All but the baselines: see the stage. Every set is scored in the style of its own annotators."""
    from qe_model.evaluation.agreement import agreement, by_people, pooled_agreement, sets_of
    from qe_model.evaluation.damage import damage_curves
    from qe_model.synthetic.contrastive import is_contrast

    found: dict[str, Any] = {}
    numbers = config.bootstrap_samples, config.seed
    for origin in ("human", "synthetic"):
        rows = [one for one in test if one.origin == origin and not is_contrast(one)]
        if rows:
            scores = scored_as_annotated(scorer, rows, f"scoring {origin}")
            if origin == "human":
                found["human_sets"] = agreement(rows, scores, scorer.decisions, *numbers, rows=sets_of)
                kept = [place for place, one in enumerate(rows) if not by_people(one)]
                rows, scores = [rows[place] for place in kept], [scores[place] for place in kept]
            found[origin] = agreement(rows, scores, scorer.decisions, *numbers)
            if origin == "synthetic":
                found["synthetic_all"] = pooled_agreement(rows, scores, *numbers)
    contrast = [one for one in test if is_contrast(one)]
    if contrast:
        found["context"] = context_accuracy(scorer, contrast, config.seed)
    right = [one for one in test if not one.spans and one.target and not is_contrast(one)]
    curves = damage_curves(scorer, _some_of_each(right, config.damage_messages), seed=config.seed)
    found["damage"] = {code: curve.to_json() for code, curve in curves.items()}
    return found


def scored_as_annotated(
    scorer: "QualityScorer", rows: Sequence[AnnotatedTranslation], description: str
) -> "list[QualityScore]":
    """Scores in the given order, each in its annotators' style: word tags mark several times as much as MQM does."""
    from qe_model.annotations.labels import style_of

    styles = [STYLES[style_of(one)] for one in rows]
    found: dict[int, QualityScore] = {}
    for style in dict.fromkeys(styles):
        places = [place for place, own in enumerate(styles) if own == style]
        scores = scorer.following(style).score([rows[place] for place in places], f"{description} ({style})")
        found |= zip(places, scores, strict=True)
    return [found[place] for place in range(len(rows))]


def context_accuracy(scorer: "QualityScorer", rows: Sequence[AnnotatedTranslation], seed: int) -> dict[str, Any]:
    """Share of pairs in which the form that fits scores higher: with the conversation, without it, the difference.

    `by_kind` has the share with the conversation for formality, gender and terms.
    """
    from qe_model.synthetic.contrastive import (
        KINDS,
        ContrastivePair,
        contrastive_accuracy,
        contrastive_gain,
        without_context,
    )

    halves: dict[str, dict[str, AnnotatedTranslation]] = defaultdict(dict)
    for one in rows:
        name, _, half = one.id.rpartition(":")
        halves[name][half] = one
    pairs = [ContrastivePair(both["right"], both["wrong"]) for both in halves.values() if len(both) == 2]
    scores = {}
    for name, versions in (("with_context", pairs), ("without_context", [without_context(pair) for pair in pairs])):
        flat = [half for pair in versions for half in (pair.right, pair.wrong)]
        said = np.array([one.score for one in scorer.score(flat)])
        scores[name] = said[::2], said[1::2]
    found: dict[str, Any] = {"pairs": len(pairs)}
    found |= {name: contrastive_accuracy(pairs, *halves, seed).to_json() for name, halves in scores.items()}
    found["gain"] = contrastive_gain(pairs, scores["with_context"], scores["without_context"], seed).to_json()
    found["by_kind"] = {}
    for kind in KINDS:
        places = [place for place, pair in enumerate(pairs) if pair.kind == kind]
        if places:
            right, wrong = (half[places] for half in scores["with_context"])
            found["by_kind"][kind] = contrastive_accuracy([pairs[i] for i in places], right, wrong, seed).to_json()
    return found


def baseline_scores(
    scorer: "QualityScorer",
    known: Sequence[AnnotatedTranslation],
    test: Sequence[AnnotatedTranslation],
    config: QEEvaluationConfig,
) -> dict[str, Any]:
    """Word MCC of each baseline in the rows of `human`; thresholds from dev, tables from train."""
    from qe_model.evaluation.agreement import by_people, rows_of

    found: dict[str, Any] = {}
    splits = {split: [one for one in known if one.split == split] for split in ("train", "dev")}
    splits["test"] = [one for one in test if not by_people(one)]
    rows = {split: rows_of(members) for split, members in splits.items()}
    for name in track(list(rows["test"]), "baselines", len(rows["test"])):
        parts = {split: [splits[split][place] for place in rows[split].get(name, [])] for split in splits}
        found[name] = {
            title: _word_mcc(baseline, parts["dev"] or parts["train"], parts["test"], config)
            for title, baseline in _baselines(scorer, parts["train"], parts["dev"] or parts["train"]).items()
        }
    return found


def _baselines(
    scorer: "QualityScorer", train: Sequence[AnnotatedTranslation], dev: Sequence[AnnotatedTranslation]
) -> "dict[str, Baseline]":
    from qe_model.evaluation.baselines import AlignmentHeuristic, AllOk, BaseRate, MinusLength, TeacherLogProb
    from qe_model.evaluation.log_probs import ForcedLogProbs

    found: dict[str, Baseline] = {"all_ok": AllOk(), "minus_length": MinusLength(), "base_rate": BaseRate.fit(dev)}
    if train:
        found["alignment"] = AlignmentHeuristic.fit((one.source, one.target) for one in train)
    if scorer.model.predictor is not None:
        found["teacher_log_probability"] = TeacherLogProb(ForcedLogProbs(scorer.model, scorer.encoder))
    return found


def _word_mcc(
    baseline: "Baseline",
    dev: Sequence[AnnotatedTranslation],
    test: Sequence[AnnotatedTranslation],
    config: QEEvaluationConfig,
) -> dict[str, Any]:
    from qe_model.annotations.labels import style_of
    from qe_model.annotations.raters import labels_of
    from qe_model.evaluation.metrics import DocumentBootstrap, best_threshold, confusion, mcc

    def judged(rows: Sequence[AnnotatedTranslation]) -> list[tuple[int, np.ndarray, np.ndarray]]:
        scores = baseline.score(rows)
        return [
            (style_of(row), one.words, np.array(labels_of(row).severity)) for row, one in zip(rows, scores, strict=True)
        ]

    tuned, tested = judged(dev), judged(test)
    styles = {style for style, *_ in tuned}
    corrections = {style: _correction([pair for own, *pair in tuned if own == style]) for style in styles}
    other = _correction([pair for _, *pair in tuned])  # of ways of annotating that dev has nothing of

    def log_odds(style: int, words: np.ndarray) -> np.ndarray:
        return corrections.get(style, other)(words)

    said = np.concatenate([log_odds(style, words) for style, words, _ in tuned])
    raw, labels = (np.concatenate([told[side] for told in tuned]) for side in (1, 2))
    threshold = best_threshold(said, labels > 0).value if len(np.unique(raw)) > 1 else np.inf
    counts = [confusion(gold, 2 * (log_odds(style, words) >= threshold)) for style, words, gold in tested]
    documents = DocumentBootstrap([one.document for one in test], config.bootstrap_samples, config.seed)
    return {"mcc": documents.estimate(np.stack(counts), mcc).to_json()}


def _correction(told: "Sequence[Sequence[np.ndarray]]") -> "Callable[[np.ndarray], np.ndarray]":
    """Badness of words -> log-odds of bad, like the corrections of the model's probabilities."""
    from qe_model.scoring.fitting import fit_logistic

    words, labels = (np.concatenate([pair[side] for pair in told]) for side in (0, 1))
    mean, spread = float(words.mean()), float(words.std()) or 1.0
    slope, shift = fit_logistic((words - mean) / spread, labels > 0)
    return lambda words: slope * (words - mean) / spread + shift


def _check_directions(wanted: Sequence[str], test: Sequence[AnnotatedTranslation]) -> None:
    missing = sorted(set(wanted) - {one.direction for one in test if one.origin == "human"})
    if missing:
        where = "no human annotation in the test split"
        raise InputError(f"qe.evaluation.human_directions: {', '.join(missing)}: {where}")


def _some_of_people(rows: list[AnnotatedTranslation], config: QEEvaluationConfig) -> list[AnnotatedTranslation]:
    """Human annotations of the wanted directions, as many as wanted of each, and all others."""
    from qe_model.evaluation.agreement import by_people, direction_and_style

    others = [one for one in rows if one.origin != "human"]
    groups: dict[tuple[str, bool], list[AnnotatedTranslation]] = defaultdict(list)
    for one in rows:
        if one.origin == "human" and (not config.human_directions or one.direction in config.human_directions):
            groups[direction_and_style(one), by_people(one)].append(one)
    people = [one for _, members in sorted(groups.items()) for one in _spread(members, config.human_messages)]
    return [*people, *others]


def _some_of_each(rows: Sequence[AnnotatedTranslation], count: int) -> list[AnnotatedTranslation]:
    """Evenly spread rows of each target language, `count` at most."""
    groups: dict[str, list[AnnotatedTranslation]] = defaultdict(list)
    for one in rows:
        groups[one.target_lang].append(replace(one, spans=()))
    return [one for members in groups.values() for one in _spread(members, count)]


def _spread(rows: Sequence[AnnotatedTranslation], count: int) -> list[AnnotatedTranslation]:
    """Evenly spread rows, `count` at most; 0: all."""
    step = max(1.0, len(rows) / count) if count else 1.0
    return [rows[int(i * step)] for i in range(int(len(rows) / step))]


def finite(value: Any) -> Any:
    """JSON values with null in place of not-a-number."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
