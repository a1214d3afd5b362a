"""Settings of the quality-estimation model: what it is made of, how it is trained and tested."""

from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from parley.languages.table import pair
from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import ORIGINS
from training.loop.config import TrainingConfig, changed

TEACHER: Final = "teacher"  # the encoder of the run's own teacher, for where nothing can be downloaded
EMA_DECAY: Final = 0.99  # of the averaged weights; short, as these trainings are
CONTRAST: Final = "contrast"  # origin, in a mixture, of the pairs that only the conversation decides


@dataclass(frozen=True)
class QEModelConfig:
    """What the model is made of.

    Attributes:
        encoder: `teacher`, or the name or folder of any encoder that `transformers` loads (XLM-R, mDeBERTa, mmBERT).
            With `teacher` the model also reads what the frozen teacher tells of each piece.
        dropout: in the encoder, in the heads and on what is added to a teacher's inputs.
        max_length: most pieces of translation plus source read at once; longer messages are read in windows.
        context_length: most pieces of the conversation before, its newest ones; 0 reads none.
        encoder_learning_rate: peak rate of a pretrained encoder's last layer, a tenth less in each layer below; its
            embeddings stay as they are. Heads and a teacher's encoder have that of the training.
    """

    encoder: str = TEACHER
    dropout: float = 0.1
    max_length: int = 320
    context_length: int = 64
    encoder_learning_rate: float = 1e-4

    def __post_init__(self) -> None:
        if self.encoder_learning_rate <= 0:
            raise InputError(f"qe.model.encoder_learning_rate={self.encoder_learning_rate}: above 0")
        if self.max_length < 16 or self.context_length < 0:
            raise InputError("qe.model: max_length must be 16 or more, context_length 0 or more")
        if not 0 <= self.dropout < 1:
            raise InputError(f"qe.model.dropout={self.dropout}: at least 0 and below 1")


@dataclass(frozen=True)
class LossConfig:
    """What is optimised, beside whether a word is bad.

    Attributes:
        severity: factor on the severity of bad words; 0 leaves it out.
    """

    severity: float = 0.5

    def __post_init__(self) -> None:
        if self.severity < 0:
            raise InputError(f"qe.loss.severity={self.severity}: 0 or more")


@dataclass(frozen=True)
class MixtureConfig:
    """Which annotated translations a batch is drawn from, and its size.

    Attributes:
        origins: shares of `human` and `synthetic` examples; an origin without data gives its share away. With
            `contrast`, pairs that the conversation decides have a share of their own; else they are synthetic.
        temperature: directions and styles within an origin are sampled with p ~ rows^(1/temperature).
        directions: those whose human annotations are learnt from; empty: all.
        batch_tokens: padded pieces in a batch at most, context included.
        dev_messages: dev examples of each direction and style that validation in training reads (0: all).
    """

    origins: dict[str, float] = field(default_factory=lambda: {"human": 0.8, "synthetic": 0.2})
    temperature: float = 1.5
    directions: list[str] = field(default_factory=list)
    batch_tokens: int = 4096
    dev_messages: int = 200

    def __post_init__(self) -> None:
        if set(self.origins) - {*ORIGINS, CONTRAST} or any(share < 0 for share in self.origins.values()):
            known = ", ".join((*ORIGINS, CONTRAST))
            raise InputError(f"qe.mixture.origins={self.origins}: shares of 0 or more for {known}")
        if self.temperature < 1 or self.batch_tokens < 64 or self.dev_messages < 0:
            raise InputError("qe.mixture: temperature 1 or more, batch_tokens 64 or more, dev_messages 0 or more")
        for each in self.directions:
            pair(each)

    def takes(self, origin: str, direction: str) -> bool:
        """Whether annotations of an origin are learnt from in a direction."""
        return not self.directions or origin != "human" or direction in self.directions


@dataclass(frozen=True)
class QEEvaluationConfig:
    """How the model is tested.

    Attributes:
        bootstrap_samples: resampled sets of documents behind each interval.
        human_directions: directions whose human annotations are tested; empty: all.
        precision: the model computes in `fp32` or `bf16`.
        damage_messages: messages of each language in the check that damage lowers the score.
    """

    bootstrap_samples: int = 1000
    human_directions: list[str] = field(default_factory=list)
    precision: Literal["fp32", "bf16"] = "fp32"
    damage_messages: int = 60

    def __post_init__(self) -> None:
        if self.bootstrap_samples < 10 or self.damage_messages < 1:
            raise InputError("qe.evaluation: bootstrap_samples must be 10 or more, damage_messages 1 or more")


@dataclass(frozen=True)
class QEConfig:
    """All that the quality-estimation stages are told.

    Attributes:
        enabled: whether a run has these stages.
        model: what it is made of.
        loss: what is optimised.
        mixture: human and synthetic examples in a batch.
        training: keys of `training` where labels are trained otherwise than the teacher; a budget at least.
        evaluation: how it is tested.
    """

    enabled: bool = True
    model: QEModelConfig = field(default_factory=QEModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    training: dict[str, Any] = field(default_factory=dict)
    evaluation: QEEvaluationConfig = field(default_factory=QEEvaluationConfig)

    @property
    def reads_teacher(self) -> bool:
        """Whether a teacher must be trained first."""
        return self.model.encoder == TEACHER

    def training_over(self, training: TrainingConfig) -> TrainingConfig:
        """The whole settings of the training on labels. One micro-batch is an update.

        Pretrained encoders are moved by AdamW, as they were trained; the teacher's as the teacher was.
        """
        own = replace(training, update_tokens=1, ema_decay=EMA_DECAY)
        if self.model.encoder != TEACHER:
            own = replace(own, optimizer="adamw", matrix_learning_rate=0.0)
        return changed(own, "qe.training", self.training)
