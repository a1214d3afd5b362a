"""What a good user of plain `transformers` would train: a dense M2M100 with `Seq2SeqTrainer`.

Length-grouped batches with as many target tokens as ours, fused AdamW, clipping, warm-up and a decay at the end, bf16
autocast where it is faster here. Every direction's rows are one data set, drawn as often as they occur.
"""

import statistics
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import (
    M2M100Config,
    M2M100ForConditionalGeneration,
    PreTrainedTokenizerBase,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    TrainerCallback,
)
from transformers.trainer_pt_utils import LengthGroupedSampler

from benchmarks.alternating import alternate
from benchmarks.turns import BudgetUsedError, Side
from parley.languages.table import CODES, directions, pair
from training.batches.encoded import EncodedCorpus
from training.batches.stream import BatchingConfig
from training.model.configuration import ParleyMoeConfig


def dense_config(ours: ParleyMoeConfig, ffn_dim: int) -> M2M100Config:
    """M2M100 with the teacher's depth, width and vocabulary."""
    return M2M100Config(
        vocab_size=ours.vocab_size,
        d_model=ours.d_model,
        encoder_layers=ours.encoder_layers,
        decoder_layers=ours.decoder_layers,
        encoder_attention_heads=ours.num_attention_heads,
        decoder_attention_heads=ours.num_attention_heads,
        encoder_ffn_dim=ffn_dim,
        decoder_ffn_dim=ffn_dim,
        dropout=ours.dropout,
        attention_dropout=0.0,
        activation_dropout=0.0,
        encoder_layerdrop=0.0,
        decoder_layerdrop=0.0,
        max_position_embeddings=ours.max_position_embeddings,
        decoder_start_token_id=2,
        pad_token_id=1,
        eos_token_id=2,
        bos_token_id=0,
    )


def dense_model(ours: ParleyMoeConfig, active: int) -> M2M100ForConditionalGeneration:
    """The dense model whose parameters number as the teacher's active ones, by the width of its feed-forward."""
    sizes = []
    for width in (8, 16):
        with torch.device("meta"):
            sizes.append(M2M100ForConditionalGeneration(dense_config(ours, width)).num_parameters())
    slope = (sizes[1] - sizes[0]) / 8
    width = max(8, round((active - sizes[0]) / slope / 8) * 8 + 8)
    return M2M100ForConditionalGeneration(dense_config(ours, width))


class DirectionRows(Dataset[dict[str, list[int]]]):
    """Every train row of every direction that is not withheld."""

    def __init__(self, encoded: EncodedCorpus, max_length: int) -> None:
        self.encoded = encoded
        parts = []
        lengths = {code: encoded.lengths(code) for code in encoded.languages}
        for direction in directions(encoded.languages):
            source, target = pair(direction)
            if frozenset((source, target)) not in encoded.pairs_withheld():
                rows = encoded.pair_rows(source, target)
                rows = rows[np.maximum(lengths[source][rows], lengths[target][rows]) + 2 <= max_length]
                codes = np.full((len(rows), 2), [CODES.index(source), CODES.index(target)])
                sizes = np.stack([lengths[source][rows] + 2, lengths[target][rows] + 2], 1)
                parts.append(np.concatenate([codes, rows[:, None], sizes], axis=1))
        self.examples = np.concatenate(parts)

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> dict[str, list[int]]:
        source, target, row = self.examples[index, :3]
        tags, end = self.encoded.language_ids, self.encoded.eos_id
        return {
            "input_ids": [tags[CODES[source]], *self.encoded.tokens(CODES[source], row).tolist(), end],
            "labels": [tags[CODES[target]], *self.encoded.tokens(CODES[target], row).tolist(), end],
        }

    def collate(self, items: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        """Pad on the right; labels with -100."""
        sources = [torch.tensor(item["input_ids"]) for item in items]
        labels = [torch.tensor(item["labels"]) for item in items]
        ids = nn.utils.rnn.pad_sequence(sources, batch_first=True, padding_value=self.encoded.pad_id)
        padded = nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=-100)
        return {"input_ids": ids, "attention_mask": (ids != self.encoded.pad_id).long(), "labels": padded}


class _Turns(TrainerCallback):
    def __init__(self) -> None:
        self.side: Side | None = None

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        assert self.side is not None
        try:
            self.side.pause_point()
        except BudgetUsedError:
            control.should_training_stop = True


class DenseRival:
    """The dense model in training.

    Args:
        model: see `dense_model`.
        encoded, batching: the data and its limits.
        update_tokens: target tokens in a batch, on average.
        learning_rate: peak.
        schedule: factor on it from (update, share of the budget used).
        bf16: autocast.
        budget: seconds.
    """

    def __init__(
        self,
        model: M2M100ForConditionalGeneration,
        encoded: EncodedCorpus,
        tokenizer: PreTrainedTokenizerBase,
        batching: BatchingConfig,
        update_tokens: int,
        learning_rate: float,
        schedule: Callable[[int, float], float],
        bf16: bool,
        budget: float,
        seed: int,
    ) -> None:
        self.model, self.turns, self.tokens = model, _Turns(), 0
        rows = DirectionRows(encoded, batching.max_length)
        batch = max(1, round(update_tokens / (rows.examples[:, 4].mean() - 1)))
        arguments = Seq2SeqTrainingArguments(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=batch,
            max_steps=10**8,
            learning_rate=learning_rate,
            bf16=bf16,
            use_cpu=not torch.cuda.is_available(),
            seed=seed,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            dataloader_num_workers=0,
        )

        def factor(update: int) -> float:
            side = self.turns.side
            return schedule(update + 1, side.clock() / budget if side else 0.0)

        optimizer = torch.optim.AdamW(
            model.parameters(), learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        self.trainer = _Grouped(
            model=model,
            args=arguments,
            train_dataset=rows,
            data_collator=rows.collate,
            callbacks=[self.turns],
            optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)),
        )

    def work(self, side: Side) -> None:
        """Train until the side's seconds are used."""
        self.turns.side = side
        self.trainer.train()


class _Grouped(Seq2SeqTrainer):
    """Length-grouped batches with the lengths at hand, instead of reading every example for its length first."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows: Any = self.train_dataset
        return LengthGroupedSampler(self.args.train_batch_size, lengths=rows.examples[:, 3:].max(1).tolist())


def autocast_is_faster(model: M2M100ForConditionalGeneration, inputs: dict[str, torch.Tensor], rounds: int = 3) -> bool:
    """Whether forward and backward take less time under bf16 autocast: alternating, medians."""

    def step(enabled: bool) -> None:
        with torch.autocast(next(model.parameters()).device.type, torch.bfloat16, enabled=enabled):
            loss = model(**inputs).loss
        loss.backward()

    seconds = alternate({"autocast": lambda: step(True), "plain": lambda: step(False)}, rounds, warm_up=0)
    model.zero_grad()
    return statistics.median(seconds["autocast"]) < statistics.median(seconds["plain"])
