"""The teacher's size: one dial, `depth`, from which every other size follows unless it is set."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from parley.languages.table import AUTO, CODES, LANGUAGES
from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    from training.model.configuration import ParleyMoeConfig

WIDTH_PER_LAYER = 64


@dataclass(frozen=True)
class AlignmentConfig:
    """How the embedding is warmed up.

    Attributes:
        updates: batches of the warm start; 0 for none.
        batch_tokens: padded target tokens in a batch: its messages are each other's wrong answers.
        learning_rate: peak of Adam, after 20 updates; it falls linearly over the second half.
        temperature: of the softmax over a batch.
    """

    updates: int = 0
    batch_tokens: int = 4000
    learning_rate: float = 1e-2
    temperature: float = 0.1

    def __post_init__(self) -> None:
        if self.updates < 0 or self.learning_rate <= 0 or self.temperature <= 0:
            raise InputError("teacher.alignment: updates at least 0, learning_rate and temperature above 0")


@dataclass(frozen=True)
class TeacherConfig:
    """Sizes and regularisation of the teacher.

    With depth n: n encoder and n decoder layers, width 64 n, heads of width 64 (32 below width 256), dense
    feed-forward 4 x width, each expert and the shared expert 1 x width.

    Args:
        depth: the dial: 2 is a demo, 3 small, 8 base, 16 about 1 B parameters.
        num_experts: routed experts in each MoE layer.
        d_model, encoder_layers, decoder_layers, ffn_dim, expert_ffn_dim, shared_expert_ffn_dim: set to leave the dial.
        alignment: warm start of the embedding (`training.alignment`).
        upcycle_from: folder of a dense M2M100 or NLLB checkpoint with the run's vocabulary to start from.
    """

    depth: int = 4
    num_experts: int = 8
    experts_per_token: int = 2
    d_model: int | None = None
    encoder_layers: int | None = None
    decoder_layers: int | None = None
    ffn_dim: int | None = None
    expert_ffn_dim: int | None = None
    shared_expert_ffn_dim: int | None = None
    moe_every: int = 2
    dropout: float = 0.1
    expert_output_masking: float = 0.0
    router_z_loss: float = 1e-3
    router_bias_rate: float = 2e-3
    router_language_term: bool = True
    detection_loss: float = 0.1
    label_smoothing: float = 0.1
    max_position_embeddings: int = 512
    alignment: AlignmentConfig = field(default_factory=AlignmentConfig)
    upcycle_from: str | None = None

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise InputError(f"teacher.depth={self.depth}: at least 1")

    def model_config(self, vocab_size: int, token_ids: dict[str, int]) -> "ParleyMoeConfig":
        """The model's full configuration.

        Args:
            vocab_size: rows of the embedding.
            token_ids: vocabulary id of every language tag and of `__auto__`, by token.
        """
        from training.model.configuration import ParleyMoeConfig

        width = self.d_model or WIDTH_PER_LAYER * self.depth
        head_width = 64 if width % 64 == 0 and width >= 256 else 32
        return ParleyMoeConfig(
            vocab_size=vocab_size,
            d_model=width,
            encoder_layers=self.encoder_layers or self.depth,
            decoder_layers=self.decoder_layers or self.depth,
            num_attention_heads=max(1, width // head_width),
            ffn_dim=self.ffn_dim or 4 * width,
            num_experts=self.num_experts,
            experts_per_token=self.experts_per_token,
            expert_ffn_dim=self.expert_ffn_dim or width,
            shared_expert_ffn_dim=width if self.shared_expert_ffn_dim is None else self.shared_expert_ffn_dim,
            moe_every=self.moe_every,
            dropout=self.dropout,
            expert_output_masking=self.expert_output_masking,
            router_z_loss=self.router_z_loss,
            router_bias_rate=self.router_bias_rate,
            router_language_term=self.router_language_term,
            detection_loss=self.detection_loss,
            label_smoothing=self.label_smoothing,
            max_position_embeddings=self.max_position_embeddings,
            languages=list(CODES),
            language_token_ids=[token_ids[LANGUAGES[code].token] for code in CODES],
            auto_token_id=token_ids[f"__{AUTO}__"],
        )
