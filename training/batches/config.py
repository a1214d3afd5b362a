"""Settings of batches: how directions are sampled, how large a batch is."""

from dataclasses import dataclass, field

from parley.corpus.augmentation.registry import check_probabilities
from parley.languages.table import pair
from parley.pipeline.errors import InputError


@dataclass(frozen=True)
class BatchingConfig:
    """How batches are made.

    Attributes:
        batch_tokens: padded target tokens in a batch, B x T, at most.
        max_length: messages longer than this on either side, tags and end included, are left out and counted.
        temperature: directions are sampled with p ~ rows^(1/temperature).
        pair_weights: factors on p by direction (`en-th: 2.0`); 0 leaves a direction out.
        auto_source_probability: share of messages whose source tag is replaced by `__auto__`.
        wrong_source_probability: share of messages that have the tag of another language, so that a wrong one does
            little harm.
        seed: of the plan.
        augmentations: share of the messages that each augmentation falls to, by name (`parley.corpus.augmentation`), in
            the order they are applied; in the train split only.
    """

    batch_tokens: int = 4096
    max_length: int = 128
    temperature: float = 2.0
    pair_weights: dict[str, float] = field(default_factory=dict)
    auto_source_probability: float = 0.2
    wrong_source_probability: float = 0.0
    seed: int = 0
    augmentations: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.max_length < 3:
            raise InputError(f"batching.max_length={self.max_length}: must be 3 or more (tag, one token, end)")
        if self.batch_tokens < self.max_length:
            raise InputError(
                f"batching.batch_tokens={self.batch_tokens}: must hold one message of max_length={self.max_length}"
            )
        if self.temperature < 1:
            raise InputError(f"batching.temperature={self.temperature}: must be 1 or more")
        if not 0 <= self.auto_source_probability <= 1:
            raise InputError(f"batching.auto_source_probability={self.auto_source_probability}: must lie in 0 to 1")
        if not 0 <= self.wrong_source_probability <= 1 - self.auto_source_probability:
            raise InputError(
                f"batching.wrong_source_probability={self.wrong_source_probability}: must lie in 0 to 1, and to 1 "
                "together with auto_source_probability"
            )
        check_probabilities(self.augmentations, "batching.augmentations")
        for direction, weight in self.pair_weights.items():
            pair(direction)
            if weight < 0:
                raise InputError(f"batching.pair_weights.{direction}={weight}: must be 0 or more")
