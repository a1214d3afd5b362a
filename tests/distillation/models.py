"""Tiny teachers and students with random weights, for tests."""

import torch
from transformers import M2M100ForConditionalGeneration

from distillation.config import StudentConfig
from distillation.student.initialization import build_student
from parley.languages.table import CODES
from training.model.configuration import ParleyMoeConfig
from training.model.modelling import ParleyMoeForConditionalGeneration


def tiny_teacher(vocab_size: int = 60, seed: int = 0, **changes: object) -> ParleyMoeForConditionalGeneration:
    """A teacher of width 16, 2+2 layers, 4 experts."""
    torch.manual_seed(seed)
    sizes = {
        "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "num_attention_heads": 2, "ffn_dim": 32,
        "num_experts": 4, "expert_ffn_dim": 16, "shared_expert_ffn_dim": 16, "max_position_embeddings": 64,
    }  # fmt: skip
    languages = {"languages": list(CODES), "language_token_ids": list(range(4, 20)), "auto_token_id": 20}
    return ParleyMoeForConditionalGeneration(
        ParleyMoeConfig(vocab_size=vocab_size, dropout=0.0, **(sizes | languages | changes))  # type: ignore[arg-type]
    ).eval()


def tiny_student(vocab_size: int = 60, seed: int = 0) -> M2M100ForConditionalGeneration:
    """A student of width 32, 2+1 layers."""
    config = StudentConfig(
        d_model=32, encoder_layers=2, decoder_layers=1, ffn_dim=48, dropout=0.0,
        start="random",
    )  # fmt: skip
    return build_student(config, vocab_size, seed).eval()
