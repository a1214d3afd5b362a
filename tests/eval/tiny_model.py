"""A teacher of width 32 with random weights, for tests of what is around a model."""

from pathlib import Path

import torch

from tests.eval import examples
from training.model.modelling import ParleyMoeForConditionalGeneration
from training.model.teacher_config import TeacherConfig
from training.tokenizer import TokenizerConfig, train_tokenizer


def save_tiny_model(folder: Path) -> Path:
    texts = {code: [cell for cell in cells if cell] for code, cells in examples.testset().texts.items()}
    tokenizer = train_tokenizer(texts, TokenizerConfig(vocab_size=420))
    config = TeacherConfig(depth=1, d_model=32, num_experts=2, moe_every=1)
    torch.manual_seed(0)
    model = ParleyMoeForConditionalGeneration(config.model_config(len(tokenizer), tokenizer.get_vocab()))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(str(folder))
    return folder
