"""The float student as `transformers` runs it: the reference that other engines are held against."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache, M2M100ForConditionalGeneration

from distillation.runtime.engine import Array, EncodedMessage, Request, padded_states, padded_tokens
from distillation.runtime.greedy import search
from distillation.shortlists import Shortlists
from parley.pipeline.errors import InputError
from training.model.loading import cast_positions, load_model


class TorchEngine:
    """Batches of requests on PyTorch, in float32 or another type.

    Args:
        student: the model.
        end: id of the end.
        dtype: of the weights.
        device: where it runs.
    """

    def __init__(
        self,
        student: M2M100ForConditionalGeneration,
        end: int,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> None:
        self.model = student.eval().requires_grad_(False)
        torch.nn.Module.to(self.model, device=torch.device(device), dtype=dtype)
        cast_positions(self.model)
        self.end, self.device, self.dtype = end, torch.device(device), dtype
        if self.device.type == "cpu":
            self.model.set_attn_implementation("eager")  # short messages: quicker than sdpa

    @classmethod
    def load(cls, folder: Path, end: int, dtype: torch.dtype = torch.float32, device: str = "cpu") -> "TorchEngine":
        """A saved student.

        Raises:
            InputError: no M2M100 in the folder.
        """
        model = load_model(folder)
        if not isinstance(model, M2M100ForConditionalGeneration):
            raise InputError(f"{folder}: a {type(model).__name__}, not a student (M2M100ForConditionalGeneration)")
        return cls(model, end, dtype, device)

    @torch.inference_mode()
    def encode(self, sources: Sequence[Sequence[int]]) -> list[EncodedMessage]:
        """See `Engine`."""
        ids, mask = padded_tokens(sources, int(self.model.config.pad_token_id or 0))
        ids_BS, mask_BS = torch.from_numpy(ids).to(self.device), torch.from_numpy(mask).long().to(self.device)
        states_BSD = self.model.model.encoder(input_ids=ids_BS, attention_mask=mask_BS).last_hidden_state
        found = states_BSD.float().cpu().numpy()
        return [EncodedMessage(tuple(source), row[: len(source)]) for source, row in zip(sources, found, strict=True)]

    @torch.inference_mode()
    def decode(self, requests: Sequence[Request], shortlists: Shortlists | None) -> list[list[int]]:
        """See `Engine`."""
        states, mask = padded_states([request.message for request in requests])
        encoded = torch.from_numpy(states).to(self.device, self.dtype)
        steps = _Steps(self.model, encoded, torch.from_numpy(mask).long().to(self.device))
        return search(steps, requests, self.end, shortlists)


class _Steps:
    """One batch in decoding; see `distillation.runtime.greedy.Steps`."""

    def __init__(self, model: M2M100ForConditionalGeneration, encoded_ASD: Tensor, mask_AS: Tensor) -> None:
        self.model, self.encoded_ASD, self.mask_AS = model, encoded_ASD, mask_AS
        self.heads: dict[int, tuple[Array | None, Tensor]] = {}
        self.cache = EncoderDecoderCache(DynamicCache(), DynamicCache())

    def step(self, tokens_A: Array) -> None:
        """Feed the newest tokens."""
        states = self.model.model.decoder(
            input_ids=torch.from_numpy(tokens_A).to(self.encoded_ASD.device).unsqueeze(1),
            encoder_hidden_states=self.encoded_ASD,
            encoder_attention_mask=self.mask_AS,
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state
        self.out_AD = states[:, -1]

    def logits(self, allowed: Array | None, rows: Array | None = None) -> Array:
        """Logits (R, N)."""
        if id(allowed) not in self.heads:  # the array is kept with its rows, so that its identity stays its own
            weight_VD = self.model.lm_head.weight
            pieces = torch.arange(len(weight_VD)) if allowed is None else torch.from_numpy(allowed)
            self.heads[id(allowed)] = allowed, weight_VD.index_select(0, pieces.to(weight_VD.device))
        out_RD = self.out_AD if rows is None else self.out_AD[torch.from_numpy(rows).to(self.out_AD.device)]
        found: Array = torch.nn.functional.linear(out_RD, self.heads[id(allowed)][1]).float().cpu().numpy()
        return found

    def select(self, rows: Array) -> None:
        """Keep `rows`."""
        chosen = torch.from_numpy(np.asarray(rows)).to(self.encoded_ASD.device)
        self.cache.batch_select_indices(chosen)
        self.encoded_ASD, self.mask_AS = self.encoded_ASD[chosen], self.mask_AS[chosen]
