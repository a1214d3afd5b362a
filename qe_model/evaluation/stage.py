"""The stage `qe_evaluation`: the model on held-out documents beside simple baselines, and the checks of the report."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from parley.pipeline.shards import shard_folders
from parley.pipeline.stage import Needs, Shard, Stage
from qe_model.model.config import QEEvaluationConfig

if TYPE_CHECKING:
    from qe_model.annotations.annotation import AnnotatedTranslation
    from qe_model.scoring.scorer import QualityScorer

SCORES: Final = "qe_scores.json"
HUMAN: Final = "human-"  # shards of this name and a direction


class QEEvaluationStage(Stage[QEEvaluationConfig]):
    """Tests `qe` on the test split of `qe_data`; writes `qe_scores.json`.

    Keys: `human` by direction and kind of text (`agreement.rows_of`), without translations by people; `human_sets` by
    file and direction; `synthetic` by direction, `synthetic_all` over all; `context` (accuracy on pairs that only the
    conversation decides, with and without it); `damage` by language; `baselines` as `human`, by name; `error_free`
    (`evaluation.error_free`).

    Shards: the human annotations of a direction, all synthetic errors, the pairs, the check of damage.
    """

    name = "qe_evaluation"
    version: ClassVar[int] = 9  # spans as WMT25's script counts them
    needs: ClassVar[Needs] = Needs(memory_gb=4.0, accelerators=1)

    def shards(self, inputs: Mapping[str, Path]) -> Sequence[Shard]:
        """See above.

        Raises:
            InputError: no human annotation of a wanted direction.
        """
        from qe_model.annotations.store import counts_of

        counts, wanted = counts_of(inputs["qe_data"]).get("human", {}), self.config.human_directions
        there = [direction for direction, splits in counts.items() if "test" in splits]
        if missing := sorted(set(wanted) - set(there)):
            where = "no human annotation in the test split"
            raise InputError(f"qe.evaluation.human_directions: {', '.join(missing)}: {where}")
        names = [f"{HUMAN}{direction}" for direction in there if direction in wanted or not wanted]
        return [Shard(name) for name in (*names, *_PARTS)]

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        """Score and compare.

        Raises:
            InputError: no test data, or no quality-estimation model.
        """
        from qe_model.annotations.store import read_annotations, read_split
        from qe_model.scoring.scorer import QualityScorer

        scorer = QualityScorer.load(inputs["qe"], precision=self.config.precision)
        if shard.name.startswith(HUMAN):
            direction = shard.name.removeprefix(HUMAN)
            rows = list(read_annotations(inputs["qe_data"], lambda one: one.direction == direction))
            found = human_scores(scorer, rows, self.config.bootstrap_samples)
        else:
            wanted = self.config.human_directions
            test = [one for one in read_split(inputs["qe_data"], "test") if _is_tested(one, wanted)]
            found = _PARTS[shard.name](scorer, test, self.config)
        write_json(out / SCORES, finite(found))

    def merge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Join the scores by key."""
        from qe_model.evaluation.error_free import error_free
        from qe_model.scoring.decisions import Decisions

        scores: dict[str, dict[str, Any]] = defaultdict(dict)
        for folder in shard_folders(out):
            for key, found in json.loads((folder / SCORES).read_text(encoding="utf-8")).items():
                scores[key] |= found
        labelled = [row for rows in scores.pop("labelled", {}).values() for row in rows]
        if found := error_free(labelled, Decisions.load(inputs["qe"]), self.config.bootstrap_samples):
            scores["error_free"] = found
        write_json(out / SCORES, scores)
        return {key: scores[key] for key in ("synthetic_all", "context") if key in scores}


def human_scores(scorer: "QualityScorer", rows: "Sequence[AnnotatedTranslation]", samples: int) -> dict[str, Any]:
    """Agreement with people in one direction, and that of the baselines; `rows` are of all splits and origins."""
    from qe_model.evaluation.agreement import agreement, by_people, scored_as_annotated, sets_of
    from qe_model.evaluation.baselines import baseline_scores
    from qe_model.evaluation.error_free import labelled_rows

    test = [one for one in rows if one.split == "test" and one.origin == "human"]
    scores = scored_as_annotated(scorer, test, "human")
    machine = [place for place, one in enumerate(test) if not by_people(one)]
    kept, said = [test[place] for place in machine], [scores[place] for place in machine]
    return {
        "human_sets": agreement(test, scores, scorer.decisions, samples, sets_of),
        "human": agreement(kept, said, scorer.decisions, samples),
        "labelled": {test[0].direction: labelled_rows(kept, said, scorer.decisions.style)} if test else {},
        "baselines": baseline_scores([one for one in rows if one.split != "test"], kept, samples),
    }


def _synthetic_scores(
    scorer: "QualityScorer", test: "Sequence[AnnotatedTranslation]", config: QEEvaluationConfig
) -> dict[str, Any]:
    from qe_model.evaluation.agreement import agreement, pooled_agreement, scored_as_annotated
    from qe_model.evaluation.error_free import labelled_rows
    from qe_model.synthetic.contrastive import is_contrast

    rows = [one for one in test if one.origin == "synthetic" and not is_contrast(one)]
    if not rows:
        return {}
    scores = scored_as_annotated(scorer, rows, "synthetic")
    return {
        "synthetic": agreement(rows, scores, scorer.decisions, config.bootstrap_samples),
        "synthetic_all": pooled_agreement(rows, scores, config.bootstrap_samples),
        "labelled": {"synthetic": labelled_rows(rows, scores, scorer.decisions.style)},
    }


def _context_scores(
    scorer: "QualityScorer", test: "Sequence[AnnotatedTranslation]", config: QEEvaluationConfig
) -> dict[str, Any]:
    from qe_model.evaluation.context import context_accuracy
    from qe_model.synthetic.contrastive import is_contrast

    rows = [one for one in test if is_contrast(one)]
    return {"context": context_accuracy(scorer, rows)} if rows else {}


def _damage_scores(
    scorer: "QualityScorer", test: "Sequence[AnnotatedTranslation]", config: QEEvaluationConfig
) -> dict[str, Any]:
    from qe_model.annotations.sampling import evenly_spread
    from qe_model.evaluation.damage import damage_curves
    from qe_model.synthetic.contrastive import is_contrast

    right: dict[str, list[AnnotatedTranslation]] = defaultdict(list)
    for one in test:
        if one.target and not one.spans and not is_contrast(one):
            right[one.target_lang].append(one)
    rows = [one for members in right.values() for one in evenly_spread(members, config.damage_messages)]
    return {"damage": damage_curves(scorer, rows)}


_PARTS: Final[Mapping[str, Callable[..., dict[str, Any]]]] = {
    "synthetic": _synthetic_scores,
    "context": _context_scores,
    "damage": _damage_scores,
}


def _is_tested(one: "AnnotatedTranslation", directions: Sequence[str]) -> bool:
    return one.origin != "human" or not directions or one.direction in directions


def finite(value: Any) -> Any:
    """JSON values with null in place of not-a-number."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and value != value else value  # it is not itself
