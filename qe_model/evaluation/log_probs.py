"""What the predictor's teacher thinks of given translations, piece by piece: for the baseline of its name."""

from collections.abc import Sequence

import torch

from parley.languages.words import Interval
from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import STYLES, AnnotatedTranslation
from qe_model.model.collate import batches_of, collate
from qe_model.model.estimator import ParleyQEModel
from qe_model.model.inputs import InputEncoder
from qe_model.model.predictor import NATS, forced_scores, forced_states


class ForcedLogProbs:
    """Log-probability of each piece of a translation; the first window of a very long one.

    Raises:
        InputError: the model has no predictor.
    """

    def __init__(self, model: ParleyQEModel, encoder: InputEncoder, batch_tokens: int = 8192) -> None:
        if model.predictor is None:
            raise InputError("the model has no predictor, so no teacher to ask")
        self.teacher, self.model = model.predictor.teacher.eval(), model
        self.encoder, self.batch_tokens = encoder, batch_tokens

    @torch.inference_mode()
    def __call__(self, translations: Sequence[AnnotatedTranslation]) -> list[list[tuple[Interval, float]]]:
        """Characters and log-probability of each piece, in order."""
        encodings = self.encoder.encodings([one.target for one in translations])
        targets, sources = (
            self.encoder.pieces([one.text(side) for one in translations], [()] * len(translations))
            for side in ("target", "source")
        )
        none = self.encoder.context([()])[0]
        inputs = [
            next(self.encoder.windows((one.source_lang, one.target_lang), source, target, none, STYLES[0]))[0]
            for one, source, target in zip(translations, sources, targets, strict=True)
        ]
        found: list[list[tuple[Interval, float]]] = [[] for _ in translations]
        for places in batches_of([one.length for one in inputs], self.batch_tokens):
            batch = collate([inputs[place] for place in places], self.encoder, self.model.config.pad_token_id or 0)
            batch = batch.to(self.model.device)
            states = forced_states(self.teacher, batch.predictor_ids, batch.predictor_mask, batch.decoder_ids)
            scores = forced_scores(states, self.teacher.lm_head.weight, batch.decoder_labels)[..., 0] * NATS
            for place, row in zip(places, scores.tolist(), strict=True):
                pieces = zip(encodings[place].offsets, row, strict=False)
                found[place] = [((start, end), value) for (start, end), value in pieces]
        return found
