"""Settings of batches: how directions are sampled, how large a batch is."""

from dataclasses import dataclass, field

from parley.languages.table import pair
from parley.pipeline.errors import InputError


@dataclass(frozen=True)
class BatchingConfig:
    """How batches are made.

    Attributes:
        batch_tokens: padded target tokens in a batch, B x T, at most.
        source_tokens: padded source tokens in a batch, B x S, at most; 0 means 1.5 x batch_tokens.
        max_length: messages longer than this on either side, tags and end included, are left out and counted.
        temperature: directions are sampled with p ~ rows^(1/temperature).
        pair_weights: factors on p by direction (`en-th: 2.0`); 0 leaves a direction out.
        auto_source_probability: share of messages whose source tag is replaced by `__auto__`.
        chunk_batches: about so many batches are planned and sorted together; more fill better and cost memory.
        seed: of the plan.
    """

    batch_tokens: int = 4096
    source_tokens: int = 0
    max_length: int = 128
    temperature: float = 2.0
    pair_weights: dict[str, float] = field(default_factory=dict)
    auto_source_probability: float = 0.2
    chunk_batches: int = 400
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_length < 3:
            raise InputError(f"batching.max_length={self.max_length}: must be 3 or more (tag, one token, end)")
        if min(self.batch_tokens, self.source_budget) < self.max_length:
            raise InputError(
                f"batching.batch_tokens={self.batch_tokens} (source {self.source_budget}): "
                f"must hold one message of max_length={self.max_length}"
            )
        if self.temperature < 1:
            raise InputError(f"batching.temperature={self.temperature}: must be 1 or more")
        if not 0 <= self.auto_source_probability <= 1:
            raise InputError(f"batching.auto_source_probability={self.auto_source_probability}: must lie in 0 to 1")
        if self.chunk_batches < 1:
            raise InputError(f"batching.chunk_batches={self.chunk_batches}: must be 1 or more")
        for direction, weight in self.pair_weights.items():
            pair(direction)
            if weight < 0:
                raise InputError(f"batching.pair_weights.{direction}={weight}: must be 0 or more")

    @property
    def source_budget(self) -> int:
        """Padded source tokens in a batch, at most."""
        return self.source_tokens or self.batch_tokens * 3 // 2
