"""One batch in decoding: what the encoder said, the key-value cache, and a step that gives the next token's logits.

The cache lies in buffers with room to spare, so it does not grow by copying, and forgets finished messages. Beams come
in two ways. `Stepper` serves any encoder-decoder of `transformers`: a row for each beam, reordered at every step, the
encoder's keys and values repeated. `BeamStepper` is the teacher's: the beams of a message are fed as positions side
by side and keep their places in the cache, and a bias hides from a beam what is not its own past. Nothing is reordered
or repeated, and attention has K queries a message.

A messages still active, K beams, T new positions, S positions in the cache, V vocabulary.
"""

from typing import Any, Self

import torch
from torch import Tensor
from transformers import Cache, DynamicCache, EncoderDecoderCache, PreTrainedModel
from transformers.cache_utils import CacheLayerMixin, DynamicLayer
from transformers.modeling_outputs import BaseModelOutput

from parley.decoding.beams import Beams


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
        """Keep `rows`, in that order. `index_select` is about eight times as fast as indexing here."""
        self.key_buffer, self.value_buffer = (b.index_select(0, rows) for b in (self.key_buffer, self.value_buffer))
        self.keys, self.values = self.key_buffer[:, :, : self.length], self.value_buffer[:, :, : self.length]

    def join(self, other: "_GrowingLayer") -> None:
        """Put the rows of a layer of the same length below."""
        length = self.length
        self.keys = self.key_buffer = torch.cat([self.key_buffer[:, :, :length], other.key_buffer[:, :, :length]])
        self.values = self.value_buffer = torch.cat(
            [self.value_buffer[:, :, :length], other.value_buffer[:, :, :length]]
        )


def _filled(layer: Any) -> tuple[Tensor, Tensor]:
    assert isinstance(layer, CacheLayerMixin)
    assert layer.keys is not None
    assert layer.values is not None
    return layer.keys, layer.values


def _stacked(upper: Tensor, lower: Tensor, dim: int) -> Tensor:
    """Rows of both, the shorter ones padded with zeros in dimension `dim`."""
    shape = list(upper.shape)
    shape[0], shape[dim] = len(upper) + len(lower), max(upper.shape[dim], lower.shape[dim])
    both = upper.new_zeros(shape)
    both[: len(upper)].narrow(dim, 0, upper.shape[dim]).copy_(upper)
    both[len(upper) :].narrow(dim, 0, lower.shape[dim]).copy_(lower)
    return both


class Stepper:
    """One batch in decoding, with any encoder-decoder of `transformers`: a row for each beam.

    Args:
        encoded_BSD: the encoder's output, one row a message.
        mask_BS: 1 for its tokens, 0 for padding.
        target_tags_B: tags of the languages to translate into.
    """

    def __init__(self, model: PreTrainedModel, encoded_BSD: Tensor, mask_BS: Tensor, target_tags_B: Tensor) -> None:
        self.model = model
        self.encoded_BSD, self.mask_BS, self.target_tags_B = encoded_BSD, mask_BS, target_tags_B
        self.cache = EncoderDecoderCache(Cache(layer_class_to_replicate=_GrowingLayer), DynamicCache())
        self.beams = 1

    def step(self, tokens_AT: Tensor) -> Tensor:
        """Feed the newest tokens; float32 logits (A, V) of the next."""
        return self._forward(tokens_AT)[:, -1]

    def step_beams(self, tokens_AK: Tensor, origin_AK: Tensor) -> Tensor:
        """Feed each beam's newest token; float32 logits (A, K, V) of the next.

        Args:
            origin_AK: which beam of the last step each beam goes on from. At the first call all go on from the prompt.
        """
        messages, beams = tokens_AK.shape
        if self.beams == 1 < beams:
            origin_AK = torch.zeros_like(origin_AK)
            self._select_encoded(torch.arange(messages, device=tokens_AK.device).repeat_interleave(beams))
        first_A1 = torch.arange(messages, device=tokens_AK.device).unsqueeze(1) * self.beams
        self._select_past((first_A1 + origin_AK).flatten())
        self.beams = beams
        return self._forward(tokens_AK.reshape(-1, 1)).view(messages, beams, -1)

    def select(self, messages: Tensor) -> None:
        """Keep `messages`, in that order."""
        rows = (messages.unsqueeze(1) * self.beams + torch.arange(self.beams, device=messages.device)).flatten()
        self._select_past(rows)
        self._select_encoded(rows)

    def join(self, other: Self) -> None:
        """Take in the messages of another batch that is at the same step."""
        ours, theirs = self.cache, other.cache
        for past, its in zip(ours.self_attention_cache.layers, theirs.self_attention_cache.layers, strict=True):
            past.join(its)  # type: ignore[union-attr]
        for layer, its in zip(ours.cross_attention_cache.layers, theirs.cross_attention_cache.layers, strict=True):
            keys, values = (_stacked(*pair, 2) for pair in zip(_filled(layer), _filled(its), strict=True))
            layer.keys, layer.values = keys, values  # type: ignore[union-attr]
        self.encoded_BSD = _stacked(self.encoded_BSD, other.encoded_BSD, 1)
        self.mask_BS = _stacked(self.mask_BS, other.mask_BS, 1)
        self.target_tags_B = torch.cat([self.target_tags_B, other.target_tags_B])

    def _forward(self, tokens_AT: Tensor, **extra: Any) -> Tensor:
        output = self.model(
            attention_mask=self.mask_BS,
            encoder_outputs=BaseModelOutput(last_hidden_state=self.encoded_BSD),
            decoder_input_ids=tokens_AT,
            past_key_values=self.cache,
            use_cache=True,
            **extra,
        )
        return output.logits.float()

    def _select_past(self, rows: Tensor) -> None:
        for layer in self.cache.self_attention_cache.layers:
            layer.select(rows)  # type: ignore[union-attr]

    def _select_encoded(self, rows: Tensor) -> None:
        for layer in self.cache.cross_attention_cache.layers:
            keys, values = (filled.index_select(0, rows) for filled in _filled(layer))
            layer.keys, layer.values = keys, values  # type: ignore[union-attr]
        self.encoded_BSD, self.mask_BS = self.encoded_BSD.index_select(0, rows), self.mask_BS.index_select(0, rows)
        self.target_tags_B = self.target_tags_B.index_select(0, rows)


class BeamStepper(Stepper):
    """One batch in decoding with the teacher: the beams of a message are positions side by side in one row."""

    visible_AKS: Tensor | None = None  # which entries of the cache are a beam's own past; None before there are beams
    position: int = 0

    def _forward(self, tokens_AT: Tensor, **extra: Any) -> Tensor:
        return super()._forward(tokens_AT, target_language=self.target_tags_B, **extra)

    def step_beams(self, tokens_AK: Tensor, origin_AK: Tensor) -> Tensor:
        messages, beams = tokens_AK.shape
        if self.visible_AKS is None:
            self.position = self.cache.get_seq_length()
            past_AKS = torch.ones(messages, beams, self.position, dtype=torch.bool, device=tokens_AK.device)
        else:
            past_AKS = self.visible_AKS.gather(1, origin_AK.unsqueeze(-1).expand(-1, -1, self.visible_AKS.shape[2]))
        own_AKK = torch.eye(beams, dtype=torch.bool, device=tokens_AK.device).expand(messages, -1, -1)
        self.visible_AKS = torch.cat([past_AKS, own_AKK], dim=-1)
        bias_AKS = self.encoded_BSD.new_zeros(self.visible_AKS.shape).masked_fill_(~self.visible_AKS, float("-inf"))
        logits_AKV = self._forward(tokens_AK, beams=Beams(self.position, bias_AKS.unsqueeze(1)))
        self.position += 1
        return logits_AKV

    def select(self, messages: Tensor) -> None:
        self._select_past(messages)
        self._select_encoded(messages)
        if self.visible_AKS is not None:
            self.visible_AKS = self.visible_AKS.index_select(0, messages)

    def join(self, other: Self) -> None:
        super().join(other)
        if self.visible_AKS is not None and other.visible_AKS is not None:
            self.visible_AKS = torch.cat([self.visible_AKS, other.visible_AKS])


def stepper_for(model: PreTrainedModel, encoded_BSD: Tensor, mask_BS: Tensor, target_tags_B: Tensor) -> Stepper:
    """The quicker stepper that the model can serve."""
    kind = BeamStepper if getattr(model, "beams_side_by_side", False) else Stepper
    return kind(model, encoded_BSD, mask_BS, target_tags_B)
