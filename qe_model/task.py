"""The training task on labelled translations, for `training.loop.trainer`."""

from collections import defaultdict
from collections.abc import Sequence

from torch import nn

from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.annotations.labels import style_of
from qe_model.annotations.sampling import evenly_spread
from qe_model.model.batch import QEBatch
from qe_model.model.config import LossConfig, MixtureConfig
from qe_model.model.estimator import ParleyQEModel
from qe_model.model.inputs import InputEncoder
from qe_model.model.losses import total_loss
from qe_model.scoring.prediction import predict
from qe_model.scoring.tuning import dev_scores
from qe_model.synthetic.contrastive import is_contrast
from training.loop.accumulation import LossParts


class QETask:
    """Losses of words, gaps and sentences; validation by Matthews correlation on dev words.

    Args:
        model: what is trained.
        encoder: of texts.
        dev: translations that validation scores.
        config: factors of the losses.
    """

    best_metric = "dev/mcc"

    def __init__(
        self, model: ParleyQEModel, encoder: InputEncoder, dev: Sequence[AnnotatedTranslation], config: LossConfig
    ) -> None:
        self.model, self.encoder, self.dev, self.config = model, encoder, dev, config

    def loss(self, batch: QEBatch) -> LossParts:
        """Mean over the batch's words, times its words."""
        loss, parts = total_loss(self.model(batch), batch, self.config)
        return LossParts(loss * batch.target_tokens, batch.target_tokens, parts)

    def after_update(self) -> None:
        """Balance the encoder's experts."""
        self.model.after_update()

    def validate(self, model: nn.Module) -> dict[str, float]:
        """See `dev_scores`."""
        assert isinstance(model, ParleyQEModel)
        return dev_scores(self.dev, predict(model, self.encoder, self.dev))


def dev_sample(
    translations: list[AnnotatedTranslation], mixture: MixtureConfig, limit: int = 0
) -> list[AnnotatedTranslation]:
    """Evenly spread dev translations of each style and direction that is trained on, at most `limit` of each (0: all).

    Without the pairs that the conversation decides, where there are others: every second one of those is wrong, which
    says nothing of how often words are bad; thresholds would be off.
    """
    usual = [one for one in translations if not is_contrast(one)] or translations
    trained = [one for one in usual if mixture.takes(one.origin, one.direction)] or usual
    groups: dict[tuple[str, str], list[AnnotatedTranslation]] = defaultdict(list)
    for one in trained:
        groups[style_of(one), one.direction].append(one)
    return [one for _, members in sorted(groups.items()) for one in evenly_spread(members, limit)]
