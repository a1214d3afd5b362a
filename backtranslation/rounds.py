"""The stages that train: a round on human and synthetic rows, and its control on human rows alone."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from backtranslation.candidates import read_candidates
from backtranslation.config import AdoptionConfig, pair_name
from backtranslation.mixing import ratio_used, write_store
from backtranslation.round_folder import ROUND, pass_on, read_round, stopped
from parley.languages.table import pair
from parley.pipeline.atomic import remove, write_json
from parley.pipeline.job import rank
from parley.pipeline.manifest import read_manifest
from parley.pipeline.progress import say
from parley.pipeline.stage import Stage
from training.batches.one_way import SYNTHETIC, mixture
from training.batches.stream import BatchingConfig
from training.loop.config import TrackingConfig, TrainingConfig
from training.loop.stage import TrainedStage, finish, needs_training
from training.teacher import load_teacher, train_teacher

if TYPE_CHECKING:
    from backtranslation.adoption import Verdict

TRAINED: Final = "trained"  # folder of a model that is not judged yet
EDGES: Final = list(range(0, 101, 10))  # of the histograms


@dataclass(frozen=True)
class ContinuedConfig:
    """How training goes on in a round.

    Attributes:
        round: from 1; the order of the rows and the random numbers are others in each.
        training: budget and rates of the round.
        batching: of the run.
        tracking: experiment tracker.
    """

    round: int
    training: TrainingConfig
    batching: BatchingConfig
    tracking: TrackingConfig = field(default_factory=TrackingConfig, metadata={"transient": True})

    def of_the_round(self) -> "ContinuedConfig":
        """The same with seeds of its own, so that rows come in another order than before."""
        return replace(
            self,
            training=replace(self.training, seed=self.training.seed + self.round),
            batching=replace(self.batching, seed=self.batching.seed + self.round),
        )


@dataclass(frozen=True)
class RoundConfig:
    """A round: how training goes on, on what mixture, and when its model is adopted.

    Attributes:
        continued: the training.
        ratio: synthetic messages for each human one.
        adoption: the test that it must pass.
        seed: of the dev messages and the bootstrap.
    """

    continued: ContinuedConfig
    ratio: float
    adoption: AdoptionConfig
    seed: int

    @property
    def tracking(self) -> TrackingConfig:
        """Experiment tracker."""
        return self.continued.tracking


class ControlStage(TrainedStage[ContinuedConfig]):
    """Trains input `model` on without synthetic rows for a round's budget; reads `corpus`, `tokenizer`, `encoded`.

    Input `round`, where there is one, is the round before: when that was not adopted, no round follows, and the model
    is handed on as it is. Its folder is a model as the teacher stage leaves it.
    """

    name = "control"

    def micro_batches(self) -> tuple[TrainingConfig, int]:
        """Those of the batching that it is told."""
        return self.config.training, self.config.batching.batch_tokens

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Train on, or hand on.

        Raises:
            InputError: training diverged, a full disk.
        """
        if "round" in inputs and stopped(inputs["round"]):
            if rank() == 0:
                pass_on(inputs["model"], out)
            return {"skipped": True}
        return super().run(out, inputs)

    def train(self, out: Path, inputs: Mapping[str, Path]) -> None:
        """Train on. Raises InputError as `train_teacher` does."""
        config = self.config.of_the_round()
        train_teacher(out, inputs, lambda _: load_teacher(inputs["model"]), config, description=self.name)


class RoundStage(TrainedStage[RoundConfig]):
    """Trains input `model` on with the rows of input `synthetic`, and adopts the result or not.

    Reads `corpus`, `tokenizer`, `encoded`, `model`, `synthetic` and, where there is one, `control`, which the result is
    then held against. Its folder is a model in any case, the earlier one when the round is not adopted; besides
    synthetic/ (the encoded rows that it learnt from), round.json (facts and decision) and dev_*.parquet (the
    translations that it was decided on).
    """

    name = "round"
    version: ClassVar[int] = 3  # keeps its synthetic rows

    def micro_batches(self) -> tuple[TrainingConfig, int]:
        """Those of the batching that it is told."""
        return self.config.continued.training, self.config.continued.batching.batch_tokens

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Train, judge, and leave the better model; a killed round goes on with the step that it was at.

        Raises:
            InputError: nothing to judge by, training that diverged, a full disk.
        """
        first = rank() == 0  # of a launch of several processes: it judges
        if stopped(inputs["model"]):
            return self._skip(out, inputs["model"]) if first else {}
        if not (out / ROUND).exists() and needs_training(out / TRAINED, out):
            self.train(out, inputs)
        if not first:
            return {}
        if not (out / ROUND).exists():
            write_json(out / ROUND, self._judge(out, inputs))
        facts = read_round(out)
        self._settle(out, inputs["model"], facts["adopted"])
        return {key: facts[key] for key in ("round", "adopted", "reason", "gain", "others", "ratio", "training")}

    def _skip(self, out: Path, model: Path) -> dict[str, Any]:
        reason = f"round {read_round(model)['round']} was not adopted: no round follows"
        facts = {"round": self.config.continued.round, "adopted": False, "skipped": True, "reason": reason}
        pass_on(model, out)
        write_json(out / ROUND, facts)
        return facts

    def train(self, out: Path, inputs: Mapping[str, Path]) -> None:
        """Encode the synthetic rows and train on them, into a folder of `out`. Raises InputError as `train_teacher`."""
        from training.batches.encoded import META, EncodedCorpus
        from training.tokenizer import load_tokenizer

        config = self.config.continued.of_the_round()
        if not (out / SYNTHETIC / META).exists() and rank() == 0:
            accepted = read_candidates(inputs["synthetic"], accepted=True)
            write_store(out / SYNTHETIC, accepted, load_tokenizer(inputs["tokenizer"]))
        _wait_for(out / SYNTHETIC / META)
        one_way = mixture(EncodedCorpus.open(out / SYNTHETIC), self.config.ratio, config.batching.temperature)
        train_teacher(
            out / TRAINED, inputs, lambda _: load_teacher(inputs["model"]), config, one_way, description=self.name
        )

    def _judge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        from backtranslation.adoption import dev_messages, judge, translate_dev

        adoption = self.config.adoption
        messages = dev_messages(inputs["corpus"], adoption.dev_messages, self.config.seed)
        earlier = inputs["model"] / "dev_after.parquet"  # the round before has translated them with this model
        models = {"before": inputs["model"], "after": out / TRAINED}
        models |= {"control": inputs["control"]} if "control" in inputs else {}
        known = {"before": earlier} if earlier.is_file() else {}
        outputs = {
            name: translate_dev(
                model, messages, self.config.continued.training.device, known.get(name, out / f"dev_{name}.parquet")
            )
            for name, model in models.items()
        }
        candidates = dict(read_manifest(inputs["synthetic"]).facts)
        pairs = [pair_name(*pair(name)) for name in candidates["directions"]]
        reference = outputs.get("control", outputs["before"])
        verdict = judge(messages, outputs["before"], reference, outputs["after"], pairs, adoption, self.config.seed)
        say(f"{self.name}: {'adopted' if verdict.adopted else 'not adopted'}: {verdict.reason}")
        facts = round_facts(verdict, candidates, finish(out / TRAINED), self.config.ratio)
        return {"round": self.config.continued.round, "compared_with": reference_name(inputs), **facts}

    def _settle(self, out: Path, model: Path, adopted: bool) -> None:
        """Leave one model in the folder. Can be done again after a kill."""
        trained = out / TRAINED
        if adopted and trained.is_dir():
            for path in sorted(trained.iterdir()):
                remove(out / path.name)
                os.replace(path, out / path.name)
        elif not adopted:
            if (trained / "training_log.jsonl").is_file():
                os.replace(trained / "training_log.jsonl", out / "rejected_training_log.jsonl")
            remove(out / SYNTHETIC)
            pass_on(model, out)
        remove(trained)


@dataclass(frozen=True)
class WithoutConfig:
    """The comparison has nothing to choose; what it shows follows from the rounds."""


class WithoutStage(Stage[WithoutConfig]):
    """The model without back-translation that has had the updates of the final one: what the gain is measured against.

    Inputs: `teacher`, `round_<k>` and `control_<k>`. With n adopted rounds it hands on the n-th control, or the
    teacher where none was adopted.
    """

    name = "teacher_no_bt"

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Hand the model on."""
        adopted = 0
        while f"round_{adopted + 1}" in inputs and not stopped(inputs[f"round_{adopted + 1}"]):
            adopted += 1
        chosen = f"control_{adopted}" if adopted else "teacher"
        pass_on(inputs[chosen], out)
        return {"model": chosen, "adopted_rounds": adopted}


def reference_name(inputs: Mapping[str, Path]) -> str:
    """What a round's model is held against."""
    return "control" if "control" in inputs else "earlier model"


def round_facts(
    verdict: "Verdict", candidates: Mapping[str, Any], trained: Mapping[str, Any], wanted_ratio: float
) -> dict[str, Any]:
    """round.json: the decision, and by pair what was generated, accepted, shown and gained.

    Args:
        candidates: facts of the round's `synthetic` stage.
        trained: result.json of its training.
    """
    human, synthetic = trained["messages"]["human"], trained["messages"]["synthetic"]
    told = verdict.facts()
    pairs = {}
    for name, change in told["pairs"].items():
        members = [key for key in candidates["directions"] if pair_name(*pair(key)) == name]
        shown = sum(synthetic.get(key, 0) for key in members)
        counts = _added([candidates["directions"][key] for key in members])
        pairs[name] = {**counts, "shown": shown, "ratio": ratio_used(human, [shown]), **change}
    return {
        "adopted": verdict.adopted,
        "reason": verdict.reason,
        "candidates": candidates["candidates"],
        "accepted": candidates["accepted"],
        "accepted_share": candidates["accepted"] / max(1, candidates["candidates"]),
        "ratio": {
            "wanted": wanted_ratio,
            "used": ratio_used(human, synthetic.values()),
            "human": human,
            "synthetic": sum(synthetic.values()),
        },
        "histogram_edges": EDGES,
        "pairs": pairs,
        **{key: told[key] for key in ("gain", "others", "harmed", "directions")},
        "training": {key: trained[key] for key in ("updates", "tokens", "seconds", "result_update")},
    }


def _added(directions: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts of a pair's directions together."""
    found = {key: sum(each[key] for each in directions) for key in ("candidates", "accepted")}
    histogram = [sum(column) for column in zip(*(each["histogram"] for each in directions), strict=True)]
    return {**found, "accepted_share": found["accepted"] / max(1, found["candidates"]), "histogram": histogram}


def _wait_for(path: Path) -> None:
    """The other processes of a launch wait for what the first one writes."""
    import time

    while not path.exists():
        time.sleep(0.2)
