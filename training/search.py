"""Greedy, sampled and beam decoding with any encoder-decoder of `transformers`, on a key-value cache that never grows
by copying and that forgets finished messages.

`generate` concatenates the cache at every step and carries finished rows to the end of the batch; both are avoided
here. Results are equal to `generate`'s: same scores, same length penalty, same stopping rule.

A rows still active, K beams, V vocabulary.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import Cache, DynamicCache, EncoderDecoderCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer
from transformers.modeling_outputs import BaseModelOutput

SHRINK_AT = 0.8  # finished rows are dropped when at most this share is still active: each drop copies the cache


class _GrowingLayer(DynamicLayer):
    """Keys and values in buffers with room to spare, doubled when full."""

    room: int = 16
    key_buffer: Tensor
    value_buffer: Tensor
    length: int

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.length = 0
        assert self.keys is not None
        assert self.values is not None
        end = self.length + key_states.shape[2]
        if self.keys.numel() == 0 or end > self.key_buffer.shape[2]:
            self.key_buffer = self._grown(key_states, self.keys, end)
            self.value_buffer = self._grown(value_states, self.values, end)
        self.key_buffer[:, :, self.length : end] = key_states
        self.value_buffer[:, :, self.length : end] = value_states
        self.length = end
        self.keys, self.values = self.key_buffer[:, :, :end], self.value_buffer[:, :, :end]
        return self.keys, self.values

    def _grown(self, like: Tensor, old: Tensor, end: int) -> Tensor:
        rows, heads, _, width = like.shape
        buffer = like.new_empty(rows, heads, max(self.room, 2 * end), width)
        if old.numel():
            buffer[:, :, : self.length] = old
        return buffer

    def select(self, rows: Tensor) -> None:
        """Keep `rows`, in that order."""
        self.key_buffer, self.value_buffer = self.key_buffer[rows], self.value_buffer[rows]
        self.keys, self.values = self.key_buffer[:, :, : self.length], self.value_buffer[:, :, : self.length]


@dataclass
class Stepper:
    """One batch in decoding: the encoder's output, the cache, and the rows still active."""

    model: PreTrainedModel
    encoded_BSD: Tensor
    mask_BS: Tensor
    target_tags_B: Tensor
    cache: EncoderDecoderCache = field(
        default_factory=lambda: EncoderDecoderCache(Cache(layer_class_to_replicate=_GrowingLayer), DynamicCache())
    )

    def __post_init__(self) -> None:
        self.takes_language = "target_language" in inspect.signature(self.model.forward).parameters

    def step(self, tokens_AT: Tensor) -> Tensor:
        """Feed the newest tokens; log-probabilities are not normalised: logits (A, V) of the next token, float32."""
        extra = {"target_language": self.target_tags_B} if self.takes_language else {}
        output = self.model(
            attention_mask=self.mask_BS,
            encoder_outputs=BaseModelOutput(last_hidden_state=self.encoded_BSD),
            decoder_input_ids=tokens_AT,
            past_key_values=self.cache,
            use_cache=True,
            **extra,
        )
        return output.logits[:, -1].float()

    def select(self, rows: Tensor, same_messages: bool = False) -> None:
        """Keep `rows`, in that order. `same_messages`: each row is replaced by a beam of its own message, so that the
        encoder side stays as it is."""
        for layer in self.cache.self_attention_cache.layers:
            layer.select(rows)  # type: ignore[union-attr]
        if same_messages:
            return
        self.cache.cross_attention_cache.batch_select_indices(rows)
        self.encoded_BSD, self.mask_BS = self.encoded_BSD[rows], self.mask_BS[rows]
        self.target_tags_B = self.target_tags_B[rows]


@dataclass(frozen=True)
class Sampling:
    """How to draw: from the `top_k` likeliest tokens (0: all), the least set of total probability `top_p`."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def draw(self, logits_AV: Tensor, generator: torch.Generator) -> Tensor:
        """One token for each row."""
        logits_AV = logits_AV / self.temperature
        if self.top_k:
            least = logits_AV.topk(min(self.top_k, logits_AV.shape[1])).values[:, -1:]
            logits_AV = logits_AV.masked_fill(logits_AV < least, float("-inf"))
        probabilities_AV = logits_AV.softmax(-1)
        if self.top_p < 1:
            sorted_AV, order_AV = probabilities_AV.sort(descending=True)
            beyond_AV = sorted_AV.cumsum(-1) - sorted_AV >= self.top_p
            probabilities_AV = probabilities_AV.masked_fill(beyond_AV.gather(1, order_AV.argsort()), 0.0)
        return torch.multinomial(probabilities_AV, 1, generator=generator).squeeze(1)


def search_one(
    stepper: Stepper, prompt_BT: Tensor, end: int, limits: Sequence[int], sampling: Sampling | None = None
) -> list[list[int]]:
    """One hypothesis for each row, greedy or sampled.

    Args:
        prompt_BT: what the decoder starts with, the target tag last.
        end: the end-of-sentence token.
        limits: most tokens for each row.

    Returns:
        Tokens of each row without prompt and end.
    """
    device = prompt_BT.device
    generator = torch.Generator(device).manual_seed(sampling.seed) if sampling else None
    results: list[list[int]] = [[] for _ in limits]
    rows = torch.arange(len(limits))
    limits_A = torch.tensor(limits)
    open_A = torch.ones(len(limits), dtype=torch.bool)
    tokens_AT, length = prompt_BT, 0
    while len(rows):
        logits_AV = stepper.step(tokens_AT)
        next_A = sampling.draw(logits_AV, generator) if sampling and generator else logits_AV.argmax(-1)
        length += 1
        host_A = next_A.cpu()
        open_A &= host_A != end
        for place in open_A.nonzero().flatten().tolist():
            results[rows[place]].append(int(host_A[place]))
        open_A &= limits_A > length
        tokens_AT = next_A.unsqueeze(1)
        active = int(open_A.sum())
        if active <= SHRINK_AT * len(rows):
            kept = open_A.nonzero().flatten()
            rows, limits_A, open_A = rows[kept], limits_A[kept], open_A[kept]
            if active:
                stepper.select(kept.to(device))
                tokens_AT = tokens_AT[kept.to(device)]
    return results


@dataclass
class _Finished:
    """The best K finished hypotheses of one message."""

    size: int
    found: list[tuple[float, list[int]]] = field(default_factory=list)

    def add(self, score: float, tokens: list[int]) -> None:
        self.found.append((score, tokens))
        self.found.sort(key=lambda item: -item[0])
        del self.found[self.size :]

    def beats(self, best_running: float) -> bool:
        """Whether no running hypothesis can enter any more, judged by the best one's score at its present length."""
        return len(self.found) == self.size and best_running <= self.found[-1][0]


def search_beam(
    stepper: Stepper, prompt_BT: Tensor, end: int, limits: Sequence[int], beams: int, length_penalty: float = 1.0
) -> list[list[tuple[float, list[int]]]]:
    """Beam search: for each row up to `beams` hypotheses, best first, as (score, tokens).

    A score is the summed log-probability over (number of tokens, the end included) to the power `length_penalty`.
    """
    device, vocabulary = prompt_BT.device, stepper.model.config.vocab_size
    finished = [_Finished(beams) for _ in limits]
    rows = list(range(len(limits)))
    logits_AV = stepper.step(prompt_BT)
    stepper.select(torch.arange(len(rows), device=device).repeat_interleave(beams))
    running_AK = torch.full((len(rows), beams), float("-inf"), device=device)
    running_AK[:, 0] = 0.0
    logits_AV = logits_AV.repeat_interleave(beams, dim=0)
    history_AKT = torch.empty(len(rows), beams, 0, dtype=torch.long, device=device)
    length = 0
    while rows:
        length += 1
        scores_AKV = logits_AV.log_softmax(-1).view(len(rows), beams, vocabulary) + running_AK.unsqueeze(-1)
        top_A2K, flat_A2K = scores_AKV.flatten(1).topk(2 * beams)
        beam_A2K, token_A2K = flat_A2K // vocabulary, flat_A2K % vocabulary
        ended_A2K = token_A2K == end
        history_A2KT = torch.cat(
            [history_AKT.gather(1, beam_A2K.unsqueeze(-1).expand(-1, -1, length - 1)), token_A2K.unsqueeze(-1)], dim=-1
        )
        _collect(finished, rows, limits, length, length_penalty, top_A2K, ended_A2K, history_A2KT, beams)
        order_AK = (top_A2K.masked_fill(ended_A2K, float("-inf"))).topk(beams).indices
        running_AK = top_A2K.gather(1, order_AK).masked_fill(ended_A2K.gather(1, order_AK), float("-inf"))
        history_AKT = history_A2KT.gather(1, order_AK.unsqueeze(-1).expand(-1, -1, length))
        source_AK = beam_A2K.gather(1, order_AK)
        best_A = (running_AK[:, 0] / length**length_penalty).tolist()
        kept = [a for a, row in enumerate(rows) if length < limits[row] and not finished[row].beats(best_A[a])]
        if not kept:
            break
        kept_A = torch.tensor(kept, device=device)
        same = len(kept) == len(rows)
        rows = [rows[a] for a in kept]
        running_AK, history_AKT = running_AK[kept_A], history_AKT[kept_A]
        stepper.select((kept_A.unsqueeze(1) * beams + source_AK[kept_A]).flatten(), same_messages=same)
        logits_AV = stepper.step(history_AKT[:, :, -1].reshape(-1, 1))
    return [result.found for result in finished]


def _collect(
    finished: list[_Finished],
    rows: list[int],
    limits: Sequence[int],
    length: int,
    length_penalty: float,
    top_A2K: Tensor,
    ended_A2K: Tensor,
    history_A2KT: Tensor,
    beams: int,
) -> None:
    """Store the hypotheses among the best `beams` that ended in this step, or all of these at a row's last step."""
    last_A1 = torch.tensor([limits[row] <= length for row in rows], device=top_A2K.device).unsqueeze(1)
    ending_AK = (ended_A2K | last_A1)[:, :beams] & torch.isfinite(top_A2K[:, :beams])
    for a, k in ending_AK.nonzero().tolist():
        tokens = history_A2KT[a, k].tolist()
        score = float(top_A2K[a, k]) / length**length_penalty
        finished[rows[a]].add(score, tokens[:-1] if bool(ended_A2K[a, k]) else tokens)
