"""`generate` of `transformers` as its users write it: what decoding and generation are measured beside."""

from collections.abc import Sequence
from typing import Any

import torch

from parley.decoding.pieces import source_pieces, tag_id
from training.model.loading import Translator


def plain_generate(
    translator: Translator,
    texts: Sequence[str],
    sources: Sequence[str],
    targets: Sequence[str],
    beams: int,
    batch: int,
    most: int,
    by_length: bool = False,
) -> list[str]:
    """Texts in their target languages, `batch` at a time in their order, or long ones first; `most` tokens each."""
    pieces = source_pieces(translator.tokenizer, texts, sources)
    order = sorted(range(len(pieces)), key=lambda i: -len(pieces[i])) if by_length else list(range(len(pieces)))
    results = [""] * len(pieces)
    model: Any = translator.model  # `generate` is a tensor or a module to a type checker
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        ids, mask = translator._padded([pieces[i] for i in part])
        with torch.inference_mode():
            tokens = model.generate(
                input_ids=ids, attention_mask=mask, num_beams=beams, do_sample=False, max_new_tokens=most,
                decoder_start_token_id=[tag_id(translator.tokenizer, targets[i]) for i in part],
                early_stopping=False, length_penalty=1.0,
            )  # fmt: skip
        for place, text in zip(part, translator.tokenizer.batch_decode(tokens, skip_special_tokens=True), strict=True):
            results[place] = text.strip()
    return results
