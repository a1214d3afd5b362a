"""Settings of the student and of its distillation. No torch here: configs are read before anything heavy loads."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from parley.pipeline.errors import InputError
from parley.pipeline.stage import transient

if TYPE_CHECKING:
    from transformers import M2M100Config

MAX_POSITIONS: Final = 512  # longest sequence of a student
TEACHER, RANDOM = "teacher", "random"
TOKEN_TARGETS: Final = ("cached", "online")


@dataclass(frozen=True)
class StudentConfig:
    """Size and start of the student, a stock `M2M100ForConditionalGeneration`.

    A decoder layer costs at every step of decoding what 5 to 12 encoder layers cost once, hence deep and shallow. Heads
    have width 64, 32 below width 256.

    Attributes:
        d_model: width.
        encoder_layers, decoder_layers: layers.
        ffn_dim: inner width of the encoder's feed-forwards; the decoder's are as wide, but 4 x width at most.
        dropout: on the embeddings and on what each sublayer adds.
        start: `teacher` (embedding, chosen layers, experts merged), `random`, or the folder of a trained student of the
            same size to go on from, such as for an int8 finetune.
    """

    d_model: int = 256
    encoder_layers: int = 6
    decoder_layers: int = 2
    ffn_dim: int = 1024
    dropout: float = 0.1
    start: str = TEACHER

    def __post_init__(self) -> None:
        for name in ("d_model", "encoder_layers", "decoder_layers", "ffn_dim"):
            if getattr(self, name) < 1:
                raise InputError(f"student.{name}={getattr(self, name)}: at least 1")
        if not 0 <= self.dropout < 1:
            raise InputError(f"student.dropout={self.dropout}: must lie in 0 to 1")

    @property
    def trained(self) -> str:
        """Folder of the student that is gone on from; empty where there is none."""
        return "" if self.start in (TEACHER, RANDOM) else self.start

    def model_config(self, vocab_size: int) -> "M2M100Config":
        """The model's full configuration. The decoder starts with the target tag, so there is no start token."""
        from transformers import M2M100Config

        width = self.d_model
        head_width = 64 if width % 64 == 0 and width >= 256 else 32
        heads = max(1, width // head_width)
        if width % heads or (width // heads) % 2:
            raise InputError(f"student.d_model={width} does not split into heads of even width")
        return M2M100Config(
            vocab_size=vocab_size,
            d_model=width,
            encoder_layers=self.encoder_layers,
            decoder_layers=self.decoder_layers,
            encoder_attention_heads=heads,
            decoder_attention_heads=heads,
            encoder_ffn_dim=self.ffn_dim,
            decoder_ffn_dim=min(self.ffn_dim, 4 * width),
            dropout=self.dropout,
            attention_dropout=0.0,
            activation_dropout=0.0,
            encoder_layerdrop=0.0,
            decoder_layerdrop=0.0,
            max_position_embeddings=MAX_POSITIONS,
            decoder_start_token_id=None,
        )


@dataclass(frozen=True)
class ObjectiveConfig:
    """Loss of the student: alpha t^2 KL(teacher || student) + (1 - alpha) cross-entropy.

    Attributes:
        alpha: weight of the teacher at the start.
        final_alpha: weight of the teacher from update `alpha_updates` on; linear in between.
        alpha_updates: updates over which alpha moves (0: it stays at `alpha`).
        temperature: of both distributions; above 1 shows more of the teacher's second thoughts.
    """

    alpha: float = 0.7
    final_alpha: float = 0.7
    alpha_updates: int = 0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for name in ("alpha", "final_alpha"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"distillation.objective.{name}={getattr(self, name)}: must lie in 0 to 1")
        if self.temperature <= 0 or self.alpha_updates < 0:
            raise InputError("distillation.objective: temperature above 0, alpha_updates at least 0")

    @property
    def lasts(self) -> bool:
        """Whether the teacher has a weight to the end of training."""
        return not self.alpha_updates or self.final_alpha > 0

    def alpha_at(self, update: int) -> float:
        """Weight of the teacher after so many updates."""
        if not self.alpha_updates:
            return self.alpha
        share = min(1.0, update / self.alpha_updates)
        return self.alpha + share * (self.final_alpha - self.alpha)


@dataclass(frozen=True)
class TokenTargetsConfig:
    """The teacher's distributions over single tokens.

    Attributes:
        mode: `cached` (on disk, before training) or `online` (the teacher runs at every step).
        top_k: pieces kept for each target position; the rest is one number, the tail.
        tokens: target tokens that are cached, about. Training goes round them again when it needs more, or on without
            the teacher where that one's weight falls to 0. 0: as many as there are updates, or tokens of the budget,
            in which the teacher has a weight.
        max_gigabytes: a larger cache is refused before it is begun.
    """

    mode: str = "cached"
    top_k: int = 8
    tokens: int = 0
    max_gigabytes: float = transient(50.0)

    def __post_init__(self) -> None:
        if self.mode not in TOKEN_TARGETS:
            raise InputError(f"distillation.tokens.mode={self.mode!r}: choose one of {', '.join(TOKEN_TARGETS)}")
        if self.top_k < 1 or self.tokens < 0:
            raise InputError("distillation.tokens: top_k at least 1, tokens at least 0")


@dataclass(frozen=True)
class SequenceTargetsConfig:
    """The teacher's translations as further training data.

    Attributes:
        messages: messages translated in each direction. 0: none; in their place stand the synthetic rows that the
            teacher learnt from in its last round of back-translation, if it has had one.
        share: share of the student's messages that come from them.
        beam_size: of the teacher's decoding.
        monolingual: text files, a message a line, by language code: translated from there too.
    """

    messages: int = 0
    share: float = 0.5
    beam_size: int = 4
    monolingual: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.messages < 0 or self.beam_size < 1 or not 0 <= self.share < 1:
            raise InputError(
                "distillation.sequences: messages at least 0, beam_size at least 1, share from 0 to below 1"
            )


@dataclass(frozen=True)
class ExportConfig:
    """What the student is turned into.

    Attributes:
        engines: names of the engines that it is exported for (`distillation.engines`); the first one is shipped.
        keep_float: parts of names of layers that stay in float, such as `encoder.layers.0.fc2`, where the engine can.
    """

    engines: list[str] = field(default_factory=lambda: ["onnx", "ctranslate2"])
    keep_float: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.engines or len(set(self.engines)) < len(self.engines):
            raise InputError(f"distillation.export.engines={self.engines}: name one or more, each once")


@dataclass(frozen=True)
class DistillationConfig:
    """How the student learns from the teacher, and what it is turned into.

    Attributes:
        objective: the loss.
        tokens: the teacher's distributions over single tokens.
        sequences: the teacher's translations.
        export: engines and precision.
        training: keys of `training` where the student and its control train otherwise than the teacher; a budget at
            least.
        control: also train the same student without a teacher, for the same budget, to compare with.
        enabled: whether a run has a student.
    """

    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    tokens: TokenTargetsConfig = field(default_factory=TokenTargetsConfig)
    sequences: SequenceTargetsConfig = field(default_factory=SequenceTargetsConfig)
    export: ExportConfig = field(default_factory=ExportConfig)
    training: dict[str, Any] = field(default_factory=dict)
    control: bool = False
    enabled: bool = True
