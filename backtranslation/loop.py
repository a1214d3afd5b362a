"""The rounds in the stage graph: teacher -> [selected -> generated -> synthetic -> round] x k, and the control."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from backtranslation.candidate_stages import QualityInput, synthetic_stage
from backtranslation.config import BacktranslationConfig
from backtranslation.rounds import (
    ContinuedConfig,
    ControlStage,
    RoundConfig,
    RoundStage,
    WithoutConfig,
    WithoutStage,
)
from parley.pipeline.stage import Stage
from training.batches.stream import BatchingConfig
from training.loop.config import TrackingConfig, TrainingConfig, changed

WITHOUT: Final = WithoutStage.name  # system of the report that has had no synthetic rows


@dataclass(frozen=True)
class Loop:
    """The stages of back-translation.

    Attributes:
        final: the stage whose folder is the model that later stages read: the last adopted one.
        without: the model of the same budget without back-translation; None without a control.
        rounds: in order; they reach all other stages through their inputs.
    """

    final: Stage[Any]
    without: Stage[Any] | None
    rounds: list[RoundStage]


def add_rounds(
    config: BacktranslationConfig,
    training: TrainingConfig,
    batching: BatchingConfig,
    tracking: TrackingConfig,
    sources: Mapping[str, Stage[Any]],
    teacher: Stage[Any],
    qe: QualityInput | None = None,
) -> Loop:
    """Chain the rounds behind the teacher.

    Args:
        training: of the teacher; the rounds are told where they differ.
        sources: stages `corpus`, `tokenizer` and `encoded`.
        teacher: the model that the first round begins with.
        qe: a quality estimation model for the filter.
    """
    model = control = teacher
    rounds: list[RoundStage] = []
    chosen: dict[str, Stage[Any]] = {"teacher": teacher}
    for number in range(1, config.rounds + 1):
        own = changed(training, "backtranslation.training", config.training)
        continued = ContinuedConfig(number, own, batching, tracking)
        synthetic = synthetic_stage(config, number, sources["corpus"], model, qe)
        inputs = {**sources, "model": model, "synthetic": synthetic}
        if config.control:
            before = {"round": model} if rounds else {}
            control = ControlStage(continued, {**sources, "model": control, **before}, name=f"control_{number}")
            chosen[control.name] = inputs["control"] = control
        round_config = RoundConfig(continued, config.ratio, config.adoption, config.seed)
        model = RoundStage(round_config, inputs, name=f"round_{number}")
        chosen[model.name] = model
        rounds.append(model)
    return Loop(model, _without(config, chosen, control) if config.control and rounds else None, rounds)


def _without(config: BacktranslationConfig, chosen: Mapping[str, Stage[Any]], last: Stage[Any]) -> Stage[Any]:
    """The last control where every round is adopted for certain: it is then the same for any mixture."""
    return last if config.adoption.always else WithoutStage(WithoutConfig(), chosen)
