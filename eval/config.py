"""Typed configuration of evaluation and report."""

import re
from dataclasses import dataclass, field, replace
from typing import Final

from eval.systems.config import SystemConfig
from parley.languages.table import pair
from parley.pipeline.errors import InputError

OWN: Final = ("teacher", "student")  # names that the systems of the run itself have, or begin with
_COUNTS: Final = (
    "max_messages", "auto_source_messages", "disturbed_messages", "latency_messages", "quality_messages", "samples"
)  # fmt: skip


@dataclass(frozen=True)
class EvaluationConfig:
    """What is translated and how it is scored.

    Attributes:
        split: part of the corpus that is translated: test or dev.
        pairs: directions such as en-fr; empty for every ordered pair of the corpus that has messages.
        max_messages: messages per direction at most; 0 for all.
        beam_size: 1 decodes greedily; exported students always do.
        auto_source_messages: messages per direction that are also translated without telling the source language.
        disturbed_messages: messages per direction that are also translated with a wrong source language told, and
            roughly typed.
        latency_messages: test messages that are also translated one at a time on one thread, for the time one takes;
            0 measures none.
        quality_messages: messages per direction that quality estimation scores, where a run has it; 0 for all.
        all_exports: evaluate every exported form of the student, not the first alone.
        systems: systems from elsewhere, evaluated beside those of the run.
        bootstrap_samples: samples behind every confidence interval.
        samples: messages shown in the report with source, reference and hypothesis.
        seed: for the choice of messages and the bootstrap.
    """

    split: str = "test"
    pairs: list[str] = field(default_factory=list)
    max_messages: int = 500
    beam_size: int = 1
    auto_source_messages: int = 20
    disturbed_messages: int = 0
    latency_messages: int = 0
    quality_messages: int = 0
    all_exports: bool = False
    systems: list[SystemConfig] = field(default_factory=list)
    bootstrap_samples: int = 1000
    samples: int = 20
    seed: int = 1

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            InputError: a count out of range, an unknown split or direction, a system's name that cannot be used.
        """
        if self.split not in ("test", "dev"):
            raise InputError(f"evaluation.split is '{self.split}'; choose test or dev")
        for key, least in (dict.fromkeys(_COUNTS, 0) | {"beam_size": 1}).items():
            if getattr(self, key) < least:
                raise InputError(f"evaluation.{key} is {getattr(self, key)}; it must be at least {least}")
        if self.bootstrap_samples < 100:
            raise InputError(f"evaluation.bootstrap_samples is {self.bootstrap_samples}; intervals need at least 100")
        for direction in self.pairs:
            pair(direction)
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
        return replace(self, systems=[], all_exports=False, quality_messages=0)
