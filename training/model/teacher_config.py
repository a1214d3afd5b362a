"""The teacher's size: one dial, `depth`, from which the other sizes follow."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from parley.pipeline.errors import InputError
from training.tokenizer import AUTO_TOKEN, language_tags

if TYPE_CHECKING:
    from training.model.configuration import ParleyMoeConfig

WIDTH_PER_LAYER: Final = 64
RANGES: Final[dict[str, tuple[float, float]]] = {
    "depth": (1, 1000),
    "d_model": (1, 100_000),
    "num_experts": (1, 100_000),
    "experts_per_token": (1, 100_000),
    "moe_every": (0, 1000),
    "dropout": (0, 0.9),
    "expert_output_masking": (0, 1),
    "label_smoothing": (0, 0.9),
    "warm_start_updates": (0, 1_000_000_000),
}


@dataclass(frozen=True)
class TeacherConfig:
    """Sizes and regularisation of the teacher.

    With depth n: n encoder and n decoder layers, width 64 n, heads of width 64 (32 below width 256), dense
    feed-forward 4 x width, the shared expert 1 x width, and so each routed expert (4 x where it is upcycled).

    Attributes:
        enabled: whether a run has a teacher; without one it has quality estimation alone.
        depth: the dial: 2 is a demo, 3 small, 8 base, 16 about 1 B parameters.
        d_model: width, set to leave the dial.
        num_experts: routed experts in each MoE layer.
        experts_per_token: experts chosen for a token.
        moe_every: a MoE feed-forward in every n-th layer; 0: none.
        dropout: on the embeddings and on what each sublayer adds.
        expert_output_masking: share of (token, layer) whose routed output is zeroed in training (NLLB, 2022).
        label_smoothing: share of the target probability spread evenly over the vocabulary.
        warm_start_updates: batches of the embedding's warm start (`training.warm_start`); 0: none.
        upcycle_from: folder of a dense M2M100 or NLLB checkpoint with the run's vocabulary to start from.
    """

    enabled: bool = True
    depth: int = 4
    d_model: int | None = None
    num_experts: int = 8
    experts_per_token: int = 2
    moe_every: int = 2
    dropout: float = 0.1
    expert_output_masking: float = 0.0
    label_smoothing: float = 0.1
    warm_start_updates: int = 0
    upcycle_from: str | None = None

    def __post_init__(self) -> None:
        for key, (least, most) in RANGES.items():
            value = getattr(self, key)
            if value is not None and not least <= value <= most:  # nor is not-a-number
                raise InputError(f"teacher: {key}={value}: choose from {least:,} to {most:,}")

    def model_config(self, vocab_size: int, token_ids: dict[str, int]) -> "ParleyMoeConfig":
        """The model's full configuration.

        Args:
            vocab_size: rows of the embedding.
            token_ids: the vocabulary, or its special tokens: the model speaks the languages whose tags are in it.
        """
        from training.model.configuration import ParleyMoeConfig

        tags = language_tags(token_ids)
        width = self.d_model or WIDTH_PER_LAYER * self.depth
        head_width = 64 if width % 64 == 0 and width >= 256 else 32
        return ParleyMoeConfig(
            vocab_size=vocab_size,
            d_model=width,
            encoder_layers=self.depth,
            decoder_layers=self.depth,
            num_attention_heads=max(1, width // head_width),
            ffn_dim=4 * width,
            num_experts=self.num_experts,
            experts_per_token=self.experts_per_token,
            expert_ffn_dim=4 * width if self.upcycle_from else width,
            shared_expert_ffn_dim=width,
            moe_every=self.moe_every,
            dropout=self.dropout,
            expert_output_masking=self.expert_output_masking,
            label_smoothing=self.label_smoothing,
            languages=list(tags),
            language_token_ids=list(tags.values()),
            auto_token_id=token_ids[AUTO_TOKEN],
        )
