"""The training task on labelled translations, for `training.loop.trainer`."""

from collections import defaultdict
from collections.abc import Sequence

from torch import nn

from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.annotations.labels import style_of, tells_words
from qe_model.model.batch import QEBatch
from qe_model.model.config import LossConfig
from qe_model.model.estimator import ParleyQEModel
from qe_model.model.inputs import InputEncoder
from qe_model.model.losses import total_loss
from qe_model.scoring.prediction import predict
from qe_model.scoring.tuning import dev_scores
from training.loop.trainer import LossParts


class QETask:
    """Losses of words, gaps and sentences; validation by Matthews correlation on dev words.

    Args:
        model: what is trained.
        encoder: of texts.
        dev: translations that validation scores.
        config: factors of the losses.
        imbalance: one of `IMBALANCES`.
    """

    best_metric = "dev/mcc"

    def __init__(
        self,
        model: ParleyQEModel,
        encoder: InputEncoder,
        dev: Sequence[AnnotatedTranslation],
        config: LossConfig,
        imbalance: str,
    ) -> None:
        self.model, self.encoder, self.dev, self.config, self.imbalance = model, encoder, dev, config, imbalance

    def loss(self, batch: QEBatch) -> LossParts:
        """Mean over the batch's words, times its words."""
        assert batch.labels is not None
        output = self.model(batch)
        loss, parts = total_loss(output, batch.labels, self.config, self.imbalance)
        if output.encoder_loss is not None:
            loss = loss + output.encoder_loss
        return LossParts(loss * batch.target_tokens, batch.target_tokens, parts)

    def after_update(self) -> None:
        """Balance the encoder's experts."""
        self.model.after_update()

    def validate(self, model: nn.Module) -> dict[str, float]:
        """See `dev_scores`."""
        assert isinstance(model, ParleyQEModel)
        return dev_scores(self.dev, predict(model, self.encoder, self.dev))


def dev_sample(translations: Sequence[AnnotatedTranslation], limit: int) -> list[AnnotatedTranslation]:
    """Evenly spread translations of each style and direction, at most `limit` of each (0: all), with labelled words."""
    groups: dict[tuple[int, str], list[AnnotatedTranslation]] = defaultdict(list)
    for one in translations:
        if tells_words(one):
            groups[(style_of(one), one.direction)].append(one)
    sample = []
    for _, members in sorted(groups.items()):
        step = max(1, len(members) / limit) if limit else 1
        sample += [members[int(i * step)] for i in range(int(len(members) / step))]
    return sample
