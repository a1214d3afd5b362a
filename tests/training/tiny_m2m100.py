"""M2M100 as small as it goes: for tests of what loads, decodes or starts from stock checkpoints."""

from typing import Any

from transformers import M2M100Config


def tiny_m2m100(vocab_size: int, width: int = 16, layers: int = 1, **changes: Any) -> M2M100Config:
    """Encoder and decoder of some layers, with two heads and feed-forwards of twice the width."""
    sizes = {f"{stack}_{part}": value for stack in ("encoder", "decoder")
             for part, value in (("layers", layers), ("ffn_dim", 2 * width), ("attention_heads", 2))}  # fmt: skip
    return M2M100Config(vocab_size=vocab_size, d_model=width, **sizes, **changes)
