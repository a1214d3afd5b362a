"""Typed configuration of evaluation and report."""

import re
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from eval.systems.config import SystemConfig
from parley.languages.table import pair
from parley.metrics.registry import DEFAULTS, METRICS
from parley.pipeline.errors import InputError

OWN: Final = ("teacher", "student")  # names that the systems of the run itself have, or begin with
_LEAST: Final = {
    "max_messages": 0,
    "beam_size": 1,
    "perturbed_messages": 0,
    "latency_messages": 0,
    "quality_messages": 0,
}


@dataclass(frozen=True)
class EvaluationConfig:
    """What is translated and how it is scored.

    Attributes:
        metrics: registered metrics; differences are tested with the first.
        pairs: directions such as en-fr; empty for every ordered pair of the corpus that has messages.
        max_messages: messages per direction at most; 0 for all.
        beam_size: 1 decodes greedily; exported students always do.
        perturbed_messages: messages per direction that are also translated under each perturbation: source language not
            told, told wrongly, rough typing.
        latency_messages: test messages that are also translated one at a time on one thread, for the time one takes;
            0 measures none.
        quality_messages: messages per direction that quality estimation scores, where a run has it; 0 for all.
        systems: systems from elsewhere, evaluated beside those of the run.
        seed: of the choice of messages and the bootstrap; no key: runs of other seeds are tested on the same messages.
    """

    metrics: list[str] = field(default_factory=lambda: list(DEFAULTS))
    pairs: list[str] = field(default_factory=list)
    max_messages: int = 500
    beam_size: int = 1
    perturbed_messages: int = 20
    latency_messages: int = 0
    quality_messages: int = 0
    systems: list[SystemConfig] = field(default_factory=list)
    seed: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            InputError: a count out of range, an unknown metric or direction, a system's name that cannot be used.
        """
        for key, least in _LEAST.items():
            if getattr(self, key) < least:
                raise InputError(f"evaluation.{key} is {getattr(self, key)}; it must be at least {least}")
        for direction in self.pairs:
            pair(direction)
        if not self.metrics:
            raise InputError("evaluation.metrics is empty; name at least one metric, such as chrf")
        for name in self.metrics if tuple(self.metrics) != DEFAULTS else ():
            _ = METRICS[name]
        self._check_names()

    def _check_names(self) -> None:
        names = [system.name for system in self.systems]
        for name in names:
            if not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", name):
                raise InputError(f"evaluation.systems: name '{name}' is no folder name; use letters, digits, _ . + -")
            if name.startswith(OWN):
                raise InputError(f"evaluation.systems: '{name}' is a name of the run's own systems; choose another")
            if names.count(name) > 1:
                raise InputError(f"evaluation.systems: two systems have the name '{name}'")

    @property
    def of_one_system(self) -> "EvaluationConfig":
        """What the evaluation of one system depends on: what other systems there are changes nothing."""
        return replace(self, systems=[], quality_messages=0)
