"""Settings of the student and of its distillation. No torch here: configs are read before anything heavy loads."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from parley.pipeline.errors import InputError
from parley.pipeline.stage import transient
from training.loop.config import TrainingChanges

if TYPE_CHECKING:
    from transformers import M2M100Config

WIDTH_PER_LAYER: Final = 64
INITIALISATIONS: Final = ("teacher", "random")
TOKEN_TARGETS: Final = ("cached", "online")


@dataclass(frozen=True)
class StudentConfig:
    """Size and start of the student, a stock `M2M100ForConditionalGeneration`.

    With depth n: width 64 n, 1.5 n encoder layers, 2 decoder layers (1 below depth 4), heads of width 64 (32 below
    width 256), feed-forward 4 x width. A decoder layer costs at every step of decoding what 5 to 12 encoder layers
    cost once, hence deep and shallow.

    Attributes:
        depth: the dial: 1 is a demo, 8 about 60 M parameters with 32,000 pieces, 16 full size.
        d_model, encoder_layers, decoder_layers, encoder_ffn_dim, decoder_ffn_dim: set to leave the dial.
        dropout: on the embeddings and on what each sublayer adds.
        initialise: `teacher` (embedding, chosen layers, experts merged) or `random`.
        start_from: folder of a trained student of the same size to go on from instead, such as for an int8 finetune.
        max_position_embeddings: longest sequence.
    """

    depth: int = 4
    d_model: int | None = None
    encoder_layers: int | None = None
    decoder_layers: int | None = None
    encoder_ffn_dim: int | None = None
    decoder_ffn_dim: int | None = None
    dropout: float = 0.1
    initialise: str = "teacher"
    start_from: str | None = None
    max_position_embeddings: int = 512

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise InputError(f"student.depth={self.depth}: at least 1")
        if self.initialise not in INITIALISATIONS:
            raise InputError(f"student.initialise={self.initialise!r}: choose one of {', '.join(INITIALISATIONS)}")
        if not 0 <= self.dropout < 1:
            raise InputError(f"student.dropout={self.dropout}: must lie in 0 to 1")

    def model_config(self, vocab_size: int) -> "M2M100Config":
        """The model's full configuration. The decoder starts with the target tag, so there is no start token."""
        from transformers import M2M100Config

        width = self.d_model or WIDTH_PER_LAYER * self.depth
        head_width = 64 if width % 64 == 0 and width >= 256 else 32
        heads = max(1, width // head_width)
        if width % heads or (width // heads) % 2:
            raise InputError(f"student.d_model={width} does not split into heads of even width")
        return M2M100Config(
            vocab_size=vocab_size,
            d_model=width,
            encoder_layers=self.encoder_layers or max(2, round(1.5 * self.depth)),
            decoder_layers=self.decoder_layers or (2 if self.depth >= 4 else 1),
            encoder_attention_heads=heads,
            decoder_attention_heads=heads,
            encoder_ffn_dim=self.encoder_ffn_dim or 4 * width,
            decoder_ffn_dim=self.decoder_ffn_dim or 4 * width,
            dropout=self.dropout,
            attention_dropout=0.0,
            activation_dropout=0.0,
            encoder_layerdrop=0.0,
            decoder_layerdrop=0.0,
            max_position_embeddings=self.max_position_embeddings,
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
        hidden_weight: weight of matching the encoder's output to the teacher's (0: none; runs the teacher's encoder).
    """

    alpha: float = 0.7
    final_alpha: float = 0.7
    alpha_updates: int = 0
    temperature: float = 1.0
    hidden_weight: float = 0.0

    def __post_init__(self) -> None:
        for name in ("alpha", "final_alpha"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"distillation.objective.{name}={getattr(self, name)}: must lie in 0 to 1")
        if self.temperature <= 0 or self.hidden_weight < 0 or self.alpha_updates < 0:
            raise InputError("distillation.objective: temperature above 0, hidden_weight and alpha_updates at least 0")

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
        sampled: keep `top_k` draws from the teacher instead of its likeliest pieces: unbiased, noisier.
        tokens: target tokens that are cached; training goes round them again when it needs more. 0: as many as the
            training's budget in tokens or updates says.
        shard_batches: batches in a file of the cache; a killed run goes on with the next file.
        max_gigabytes: a larger cache is refused before it is begun.
        seed: of the draws.
    """

    mode: str = "cached"
    top_k: int = 8
    sampled: bool = False
    tokens: int = 0
    shard_batches: int = 200
    max_gigabytes: float = transient(50.0)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in TOKEN_TARGETS:
            raise InputError(f"distillation.tokens.mode={self.mode!r}: choose one of {', '.join(TOKEN_TARGETS)}")
        if self.top_k < 1 or self.tokens < 0 or self.shard_batches < 1:
            raise InputError("distillation.tokens: top_k and shard_batches at least 1, tokens at least 0")


@dataclass(frozen=True)
class NoiseConfig:
    """How chat is roughened before the teacher translates it. Each probability is per message.

    Attributes:
        lower: the message in lower case.
        upper: the message in capitals.
        strip_punctuation: no full stops, commas, question or exclamation marks.
        elongate: a letter of one word is repeated (sooo).
        typo: two neighbouring letters of one word are swapped, or one is left out.
    """

    lower: float = 0.15
    upper: float = 0.03
    strip_punctuation: float = 0.15
    elongate: float = 0.05
    typo: float = 0.08

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= 1:
                raise InputError(f"distillation.sequences.noise.{name}={value}: must lie in 0 to 1")


@dataclass(frozen=True)
class SequenceTargetsConfig:
    """The teacher's translations as further training data.

    Attributes:
        messages: messages translated in each direction (0: no sequence-level targets).
        share: share of the student's batches that come from them.
        beam_size: of the teacher's decoding.
        monolingual: text files, a message a line, by language code: translated from there too.
        noise: roughening of the sources before the teacher sees them.
        batch_size: messages decoded together.
        seed: of the choice of messages and of the noise.
    """

    messages: int = 0
    share: float = 0.5
    beam_size: int = 4
    monolingual: dict[str, str] = field(default_factory=dict)
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    batch_size: int = transient(128)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.messages < 0 or self.beam_size < 1 or not 0 <= self.share <= 1:
            raise InputError("distillation.sequences: messages at least 0, beam_size at least 1, share in 0 to 1")


@dataclass(frozen=True)
class OutputListsConfig:
    """The part of the vocabulary that a target language may be written in.

    Attributes:
        coverage: share of a language's training tokens that its list must cover.
        min_count: a piece seen this often in a language is on its list whatever the coverage.
        max_pieces: longest list, always-allowed pieces aside (0: no limit).
        dev_coverage: share of dev tokens that a list must cover; it is filled up with what is most frequent in all
            languages until it does (0: not filled).
        check_coverage: least share of the test split's reference tokens; less stops the run (0: only measured).
    """

    coverage: float = 0.9998
    min_count: int = 2
    max_pieces: int = 0
    dev_coverage: float = 0.999
    check_coverage: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.coverage, self.dev_coverage, self.check_coverage)
        if not all(0 <= share <= 1 for share in shares) or not self.coverage or self.min_count < 1:
            raise InputError("distillation.lists: coverages must lie in 0 to 1, coverage above 0, min_count at least 1")


@dataclass(frozen=True)
class ExportConfig:
    """What the student is turned into.

    Attributes:
        ctranslate2: a CTranslate2 directory with int8 weights.
        onnx: ONNX encoder, decoder with cache, output layer; int8 weights.
        torch_package: an ahead-of-time compiled encoder; needs a C++ compiler.
        torch_int8: its linear layers in eight bits; needs torchao.
        parity_messages: messages on which every exported form is held against the float student.
        keep_float: parts of names of layers that stay in float, such as `encoder.layers.0.fc2`.
        max_layer_error: layers whose int8 output is off by more than this (relative) also stay in float (0: none).
    """

    ctranslate2: bool = True
    onnx: bool = True
    torch_package: bool = False
    torch_int8: bool = False
    parity_messages: int = 200
    keep_float: list[str] = field(default_factory=list)
    max_layer_error: float = 0.0

    def __post_init__(self) -> None:
        if self.parity_messages < 1 or self.max_layer_error < 0:
            raise InputError("distillation.export: parity_messages at least 1, max_layer_error at least 0")


@dataclass(frozen=True)
class DistillationConfig:
    """How the student learns from the teacher, and what it is turned into.

    Attributes:
        objective: the loss.
        tokens: the teacher's distributions over single tokens.
        sequences: the teacher's translations.
        int8_aware: train with weights and activations rounded as int8 engines round them (quantization-aware).
        lists: output list of each target language.
        export: engines and precision.
        training: budget of the student and of its control, and where they train otherwise than the teacher.
        enabled: whether a run has a student.
    """

    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    tokens: TokenTargetsConfig = field(default_factory=TokenTargetsConfig)
    sequences: SequenceTargetsConfig = field(default_factory=SequenceTargetsConfig)
    int8_aware: bool = False
    lists: OutputListsConfig = field(default_factory=OutputListsConfig)
    export: ExportConfig = field(default_factory=ExportConfig)
    training: TrainingChanges = field(default_factory=TrainingChanges)
    enabled: bool = True
