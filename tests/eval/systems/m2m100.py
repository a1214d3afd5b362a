"""A stock M2M100 of width 16 with random weights and the project's tokenizer, for engines that load such folders."""

from pathlib import Path

import torch
from transformers import M2M100ForConditionalGeneration

from tests.eval import examples
from tests.training.tiny_m2m100 import tiny_m2m100
from training.tokenizer import TokenizerConfig, train_tokenizer


def save_m2m100(folder: Path) -> Path:
    texts = {code: [cell for cell in cells if cell] for code, cells in examples.testset().texts.items()}
    tokenizer = train_tokenizer(texts, TokenizerConfig(vocab_size=420))
    torch.manual_seed(2)
    config = tiny_m2m100(
        len(tokenizer),
        max_position_embeddings=128,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
        init_std=1.0,
    )
    model = M2M100ForConditionalGeneration(config).eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(str(folder))
    return folder
