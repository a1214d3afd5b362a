"""Settings of the quality-estimation model: what it is made of, how it is pre-trained, trained and decided."""

from dataclasses import dataclass, field, replace
from typing import Final

from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import ORIGINS, SeverityWeights
from qe_model.model.lexical.config import LexiconConfig
from training.loop.config import TrainingChanges, TrainingConfig

TEACHER: Final = "teacher"  # the encoder of the run's own teacher, for where nothing can be downloaded
PREDICTORS: Final = ("none", "scores", "states")
PRECISIONS: Final = ("fp32", "bf16")
IMBALANCES: Final = ("none", "weights", "focal")
VALIDATE_EVERY: Final = 1000  # updates of pre-training
EMA_DECAY: Final = 0.99  # of the averaged weights; short, as these trainings are
CONTRAST: Final = "contrast"  # origin, in a mixture, of the pairs that only the conversation decides


@dataclass(frozen=True)
class QEModelConfig:
    """What the model is made of.

    Attributes:
        encoder: `teacher`, or the name or folder of any encoder that `transformers` loads (XLM-R, mDeBERTa, mmBERT).
        predictor: what the frozen teacher tells about each piece of the translation when it is made to produce it:
            `none`; `scores` (log-probability, distance to its favourite); `states` (its decoder's states too).
        matches: with a predictor, each piece is told how near the nearest piece of the other text is.
        echoes: each piece is told where it stands once more: in the other language, the conversation, its own text.
        dropout: in the heads, on the added inputs and in a teacher's encoder; other encoders keep their own.
        max_length: most pieces of translation plus source read at once; longer messages are read in windows.
        context_length: most pieces of the conversation before, its newest ones; 0 reads none.
    """

    encoder: str = TEACHER
    predictor: str = "states"
    matches: bool = True
    echoes: bool = True
    dropout: float = 0.1
    max_length: int = 320
    context_length: int = 64

    def __post_init__(self) -> None:
        if self.predictor not in PREDICTORS:
            raise InputError(f"qe.model.predictor={self.predictor!r}: choose one of {', '.join(PREDICTORS)}")
        if self.encoder != TEACHER and self.predictor != "none":
            raise InputError(
                f"qe.model.predictor={self.predictor}: only with encoder={TEACHER}, whose pieces the teacher shares; "
                "set qe.model.predictor=none"
            )
        if self.max_length < 16 or self.context_length < 0:
            raise InputError("qe.model: max_length must be 16 or more, context_length 0 or more")
        if not 0 <= self.dropout < 1:
            raise InputError(f"qe.model.dropout={self.dropout}: at least 0 and below 1")


@dataclass(frozen=True)
class LossConfig:
    """What is optimised. Factors of 0 leave a part out.

    Attributes:
        imbalance: how the rarity of bad words is met: `none`, `weights`, `focal`. Several: each is tried for
            `trial_updates`, and the one with the best dev score is trained.
        trial_updates: updates of a trial; only with several choices above.
        bad_weight: factor on bad words under `weights`.
        focal_gamma: exponent under `focal` (Lin et al., 2017, eq. 4).
        severity, dimension: factors on the severity and the dimension of bad words.
        gaps, source, sentence: factors on omissions, source words and sentence scores.
    """

    imbalance: list[str] = field(default_factory=lambda: ["weights"])
    trial_updates: int = 0
    bad_weight: float = 3.0
    focal_gamma: float = 2.0
    severity: float = 0.5
    dimension: float = 0.3
    gaps: float = 0.5
    source: float = 0.3
    sentence: float = 0.2

    def __post_init__(self) -> None:
        if not self.imbalance or set(self.imbalance) - set(IMBALANCES):
            raise InputError(f"qe.loss.imbalance={self.imbalance}: choose from {', '.join(IMBALANCES)}")
        if len(self.imbalance) > 1 and self.trial_updates < 1:
            raise InputError("qe.loss.trial_updates: several choices of imbalance need trials of 1 update or more")
        for name in ("bad_weight", "focal_gamma", "severity", "dimension", "gaps", "source", "sentence"):
            if getattr(self, name) < 0:
                raise InputError(f"qe.loss.{name}={getattr(self, name)}: 0 or more")


@dataclass(frozen=True)
class MixtureConfig:
    """Which annotated translations a batch is drawn from, and its size.

    Attributes:
        origins: shares of `human`, `synthetic` and `model` examples; an origin without data gives its share away.
            With `contrast`, pairs that the conversation decides have a share of their own; else they are synthetic.
        temperature: directions within an origin are sampled with p ~ rows^(1/temperature).
        pair_weights: factors on p by direction, such as `en-de: 2.0`; 0 leaves a direction out.
        batch_tokens: padded pieces in a batch at most, context included.
        chunk_batches: about so many batches are drawn, encoded and sorted by length together.
        hidden_pieces: share of pieces whose embedding the encoder does not get, and share of those whose state of the
            teacher's decoder it does not get, drawn anew each time. Texts that many systems have translated are learnt
            by heart otherwise.
        dev_messages: dev examples of each direction and style that validation in training reads (0: all).
        seed: of the order of examples and of what is hidden.
    """

    origins: dict[str, float] = field(default_factory=lambda: {"human": 0.7, "synthetic": 0.2, "model": 0.1})
    temperature: float = 1.5
    pair_weights: dict[str, float] = field(default_factory=dict)
    batch_tokens: int = 4096
    chunk_batches: int = 50
    hidden_pieces: float = 0.0
    dev_messages: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if set(self.origins) - {*ORIGINS, CONTRAST} or any(share < 0 for share in self.origins.values()):
            raise InputError(
                f"qe.mixture.origins={self.origins}: shares of 0 or more for {', '.join(ORIGINS)}, {CONTRAST}"
            )
        if self.temperature < 1 or self.batch_tokens < 64 or self.chunk_batches < 1 or self.dev_messages < 0:
            raise InputError(
                "qe.mixture: temperature and chunk_batches must be 1 or more, batch_tokens 64 or more, "
                "dev_messages 0 or more"
            )
        if not 0 <= self.hidden_pieces < 1:
            raise InputError(f"qe.mixture.hidden_pieces={self.hidden_pieces}: at least 0 and below 1")


@dataclass(frozen=True)
class PretrainingConfig:
    """Generator-detector pre-training on parallel text: find what was replaced, left out or added (DirectQE, 2021).

    Attributes:
        max_updates, max_minutes: its budget; without one the stage is not part of the run.
        max_rate: the share of replaced words is drawn for each message between 0 and this.
        temperature: of the generator's samples; above 1 they are worse than its best guesses, as errors are.
        unigram, swap, copy: of the words that are replaced, the share that takes a random word of the batch, the next
            word of the message, or a word of the source instead of a sample.
        omit, insert: share of words left out, and of words with another one put in behind.
    """

    max_updates: int = 0
    max_minutes: float = 0.0
    max_rate: float = 0.3
    temperature: float = 1.5
    unigram: float = 0.1
    swap: float = 0.1
    copy: float = 0.05
    omit: float = 0.03
    insert: float = 0.03

    def __post_init__(self) -> None:
        for name in ("max_rate", "unigram", "swap", "copy", "omit", "insert"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"qe.pretraining.{name}={getattr(self, name)}: must lie in 0 to 1")
        if self.unigram + self.swap + self.copy > 1:
            raise InputError("qe.pretraining: unigram, swap and copy are shares: their sum is at most 1")
        if self.temperature <= 0:
            raise InputError(f"qe.pretraining.temperature={self.temperature}: above 0")

    @property
    def enabled(self) -> bool:
        """Whether the stage is part of the run."""
        return self.max_updates > 0 or self.max_minutes > 0

    def over(self, training: TrainingConfig) -> TrainingConfig:
        """The training on labels with the budget of this one."""
        budget = {"max_updates": self.max_updates, "max_tokens": 0, "max_minutes": self.max_minutes}
        return replace(training, validate_every=VALIDATE_EVERY, **budget)  # type: ignore[arg-type]


@dataclass(frozen=True)
class QEEvaluationConfig:
    """How the model is tested.

    Attributes:
        bootstrap_samples: resampled sets of documents behind each interval.
        baselines: whether the baselines are scored too (on human annotations).
        human_messages: human annotations of each direction (medicine, chat, word tags and translations by people apart)
            that are tested, and that thresholds of baselines are tuned on, evenly spread; 0: all.
        human_directions: directions whose human annotations are tested; empty: all.
        precision: the model computes in `fp32` or `bf16`.
        damage_messages: messages of each language in the check that damage lowers the score.
        seed: of the bootstrap and the damage.
    """

    bootstrap_samples: int = 1000
    baselines: bool = True
    human_messages: int = 0
    human_directions: list[str] = field(default_factory=list)
    precision: str = "fp32"
    damage_messages: int = 60
    seed: int = 1

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise InputError(f"qe.evaluation.precision={self.precision!r}: choose one of {', '.join(PRECISIONS)}")
        if self.bootstrap_samples < 10 or self.damage_messages < 1 or self.human_messages < 0:
            raise InputError(
                "qe.evaluation: bootstrap_samples must be 10 or more, damage_messages 1, human_messages 0 or more"
            )


@dataclass(frozen=True)
class QEConfig:
    """All that the quality-estimation stages are told.

    Attributes:
        enabled: whether a run has these stages.
        model: what it is made of.
        loss: what is optimised.
        mixture: human, synthetic and model-made examples in a batch.
        pretraining: on parallel text, before any label is seen.
        training: the training on labels, where it is not as the teacher's.
        lexicon: word tables whose evidence the model reads; without pairs it has none.
        weights: penalty points of minor, major and critical errors.
        evaluation: how it is tested.
    """

    enabled: bool = True
    model: QEModelConfig = field(default_factory=QEModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    pretraining: PretrainingConfig = field(default_factory=PretrainingConfig)
    training: TrainingChanges = field(default_factory=TrainingChanges)
    lexicon: LexiconConfig = field(default_factory=LexiconConfig)
    weights: SeverityWeights = field(default_factory=SeverityWeights)
    evaluation: QEEvaluationConfig = field(default_factory=QEEvaluationConfig)

    def training_over(self, training: TrainingConfig) -> TrainingConfig:
        """The whole settings of the training on labels. One micro-batch is an update.

        Encoders from elsewhere are moved by AdamW, as they were trained; the teacher's as the teacher was.
        """
        optimizer = training.optimizer if self.model.encoder == TEACHER else "adamw"
        own = replace(training, optimizer=optimizer, update_tokens=1, ema_decay=EMA_DECAY)
        return self.training.over(own)
