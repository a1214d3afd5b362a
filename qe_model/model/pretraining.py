"""Generator-detector pre-training on parallel text (DirectQE; Cui et al., 2021, arXiv 2105.07149).

The generator proposes other words for some places of a right translation; the model learns to find them. So it learns
what translates what, and what reads well, without a label. The generator is the teacher: forced to produce the
translation, it samples at each place from what it would have said there.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from qe_model.annotations.annotation import STYLES
from qe_model.annotations.labels import UNKNOWN_DIMENSION, ExampleLabels
from qe_model.arrays import Ints
from qe_model.evaluation.metrics import best_threshold
from qe_model.model.batch import QEBatch
from qe_model.model.collate import collate
from qe_model.model.config import LossConfig
from qe_model.model.corruption import Corrupted, Corruption, CorruptionRates, as_pieces, split_words, word_starts
from qe_model.model.estimator import ParleyQEModel
from qe_model.model.inputs import InputEncoder, JointInput, TextPieces
from qe_model.model.losses import total_loss
from qe_model.model.predictor import forced_states
from qe_model.model.word_tables.piece_words import PieceWords
from training.batches.batch import Batch
from training.loop.trainer import LossParts

if TYPE_CHECKING:
    from training.model.modelling import ParleyMoeForConditionalGeneration


STYLE: Final = STYLES.index("synthetic")
TEMPERATURE: Final = 1.5  # of the generator's samples: at 1 they are likelier in its eyes than what people wrote


class Generator(Protocol):
    """Proposes other pieces for some places of a translation."""

    def propose(self, batch: Batch, wanted_BT: Tensor) -> Tensor:
        """Ids (B, T) at the wanted places of `batch.labels`; anything elsewhere."""
        ...


class TeacherGenerator:
    """Samples what the frozen teacher would have said at each place, given the source and the words before."""

    def __init__(self, teacher: "ParleyMoeForConditionalGeneration", temperature: float = TEMPERATURE) -> None:
        self.teacher, self.temperature = teacher.eval(), temperature

    @torch.no_grad()
    def propose(self, batch: Batch, wanted_BT: Tensor) -> Tensor:
        """Ids (B, T); drawn from the global generator."""
        states_BTD = forced_states(self.teacher, batch.input_ids, batch.attention_mask, batch.decoder_input_ids)
        out = batch.labels.clamp(min=0)
        x_ND = states_BTD[wanted_BT]
        if len(x_ND):
            head = self.teacher.lm_head.weight.t()
            out[wanted_BT] = torch.cat([_drawn(x @ head, self.temperature) for x in x_ND.split(512)])
        return out


def _drawn(logits_NV: Tensor, temperature: float) -> Tensor:
    """One id (N,) from each row, by the Gumbel trick."""
    scaled = logits_NV.float() / temperature
    noise = torch.empty_like(scaled).exponential_().log_()
    return (scaled - noise).argmax(-1)


class DetectionTask:
    """Learns to find corruptions of parallel text, in batches of `training.batches.stream`.

    Args:
        model: what is trained.
        generator: proposes replacements.
        encoder: of texts, for its special tokens.
        loss: factors of the losses; severities and dimensions are unknown here.
        dev: batches of right translations that validation corrupts, always in the same way.
    """

    best_metric = "dev/mcc"

    def __init__(
        self,
        model: ParleyQEModel,
        generator: Generator,
        encoder: InputEncoder,
        loss: LossConfig,
        dev: Sequence[Batch],
        rates: CorruptionRates | None = None,
    ) -> None:
        self.model, self.generator, self.encoder, self.loss_config, self.dev = model, generator, encoder, loss, dev
        self.corruption = Corruption(word_starts(encoder.tokenizer), rates)
        self.codes = {tag: code for code, tag in encoder.tag_ids.items()}
        self.words = None if encoder.tables is None else PieceWords(encoder.tokenizer, encoder.tables)

    def loss(self, batch: Batch) -> LossParts:
        """Detection loss of a batch; its corruption follows from the global generator, which checkpoints keep."""
        corrupted = self.corrupted(batch, int(torch.randint(2**31, (1,))))
        loss, parts = total_loss(self.model(corrupted), corrupted, self.loss_config)
        return LossParts(loss * batch.target_tokens, batch.target_tokens, parts)

    def after_update(self) -> None:
        """Balance the encoder's experts."""
        self.model.after_update()

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """`dev/mcc` of words and `dev/gap_mcc` at their best thresholds."""
        found: dict[str, list[Tensor]] = {"target": [], "gaps": [], "wrong": [], "missing": []}
        device = next(model.parameters()).device
        for number, batch in enumerate(self.dev):
            torch.manual_seed(number)
            corrupted = self.corrupted(batch.to(device), number)
            assert corrupted.labels is not None
            output = model(corrupted)
            for name in ("target", "gaps"):
                found[name].append(1 - getattr(output, name).softmax(-1)[:, 0])
            found["wrong"].append(corrupted.labels.target[:, 0] < 0.5)
            found["missing"].append(corrupted.labels.gaps[:, 0] < 0.5)
        joined = {name: torch.cat(values).cpu().numpy() for name, values in found.items()}
        pairs = (("dev/mcc", "target", "wrong"), ("dev/gap_mcc", "gaps", "missing"))
        return {name: best_threshold(joined[scores], joined[labels]).mcc for name, scores, labels in pairs}

    def corrupted(self, batch: Batch, seed: int) -> QEBatch:
        """The batch with corrupted translations, on its device."""
        sources, targets = _contents(batch.input_ids, 1, self.encoder.end_id), _kept(batch.labels)
        generator = np.random.default_rng(seed)
        plans = [self.corruption.plan(target, generator) for target in targets]
        wanted_BT = np.zeros(batch.labels.shape, bool)
        for row, plan in enumerate(plans):
            wanted_BT[row, : len(plan.sampled)] = plan.sampled
        proposed = self.generator.propose(batch, torch.from_numpy(wanted_BT).to(batch.labels.device)).cpu().numpy()
        inputs, labels = [], []
        for row, (source, target, plan) in enumerate(zip(sources, targets, plans, strict=True)):
            other = targets[int(generator.integers(len(targets)))]
            found = self.corruption.corrupt(plan, source, proposed[row, : len(target)], other, generator)
            read = as_pieces(split_words(source, self.corruption.starts))
            inputs.append(self._joint(batch, row, read, found))
            labels.append(_labels(found, read.words))
        pad_id = self.model.config.pad_token_id or 0
        return collate(inputs, self.encoder, pad_id, labels).to(batch.input_ids.device)

    def _joint(self, batch: Batch, row: int, source: TextPieces, found: Corrupted) -> JointInput:
        none, target = np.zeros(0, np.int64), found.pieces
        first, second = (int(side[row]) for side in (batch.source_language, batch.target_language))
        if self.words is not None:
            source, target = self.words.evidence((self.codes[first], self.codes[second]), source, target)
        return JointInput(first, second, True, target, source, none, none, STYLE)


def _contents(ids: Tensor, head: int, end: int) -> list[Ints]:
    """Pieces of each row between `head` leading tokens and the end."""
    rows = ids.cpu().numpy()
    return [row[head : head + int(np.argmax(row[head:] == end))] for row in rows]


def _kept(labels: Tensor) -> list[Ints]:
    """Labels of each row without the end and the padding."""
    rows = labels.cpu().numpy()
    return [row[row != -100][:-1] for row in rows]


def _labels(found: Corrupted, source_words: int) -> ExampleLabels:
    """Bad or ok; nothing is known of severities, nor of the source's words."""
    words, gaps = found.wrong, found.missing
    return ExampleLabels(
        target=_shares(words),
        gaps=_shares(gaps),
        source=_shares(np.zeros(source_words, bool)),
        target_dimension=np.full(len(words), UNKNOWN_DIMENSION),
        gap_dimension=np.full(len(gaps), UNKNOWN_DIMENSION),
        gaps_known=True,
        source_known=False,
        severity_known=False,
        sentence=np.full(4, np.nan),
    )


def _shares(bad: "np.ndarray[Any, np.dtype[np.bool_]]") -> "np.ndarray[Any, np.dtype[np.float32]]":
    shares = np.zeros((len(bad), 4), np.float32)
    shares[~bad, 0] = 1
    shares[bad, 1:] = 1 / 3
    return shares
