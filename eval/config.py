"""Typed configuration of evaluation and report."""

from dataclasses import dataclass, field

from pipeline.errors import InputError
from training.languages import pair


@dataclass(frozen=True)
class EvaluationConfig:
    """What is translated and how it is scored.

    Attributes:
        split: part of the corpus that is translated: test or dev.
        pairs: directions such as en-fr; empty for every ordered pair of the corpus that has messages.
        max_messages: messages per direction at most; 0 for all.
        beam_size: 1 decodes greedily.
        auto_source_messages: messages per direction that are also translated without telling the source language.
        bootstrap_samples: samples behind every confidence interval.
        samples: messages shown in the report with source, reference and hypothesis.
        seed: for the choice of messages and the bootstrap.
    """

    split: str = "test"
    pairs: list[str] = field(default_factory=list)
    max_messages: int = 500
    beam_size: int = 1
    auto_source_messages: int = 20
    bootstrap_samples: int = 1000
    samples: int = 20
    seed: int = 1

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            InputError: a count out of range, an unknown split or direction.
        """
        if self.split not in ("test", "dev"):
            raise InputError(f"evaluation.split is '{self.split}'; choose test or dev")
        for key, least in (("max_messages", 0), ("beam_size", 1), ("auto_source_messages", 0), ("samples", 0)):
            if getattr(self, key) < least:
                raise InputError(f"evaluation.{key} is {getattr(self, key)}; it must be at least {least}")
        if self.bootstrap_samples < 100:
            raise InputError(f"evaluation.bootstrap_samples is {self.bootstrap_samples}; intervals need at least 100")
        for direction in self.pairs:
            pair(direction)
