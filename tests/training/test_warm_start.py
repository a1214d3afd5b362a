"""The warm start finds which words mean the same, without looking at what is merely copied."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from parley.pipeline.errors import InputError
from training.batches.batch import IGNORED, Batch
from training.model.teacher_config import TeacherConfig
from training.warm_start import align_words, contrastive_loss

PAD, END, FIRST, WORDS = 1, 2, 4, 12  # word w of the first language is token FIRST + w, of the second FIRST + WORDS + w
NAME = FIRST + 2 * WORDS  # stands on both sides of every message


def embedding() -> nn.Embedding:
    torch.manual_seed(0)
    table = nn.Embedding(NAME + 1, 16, PAD)
    nn.init.normal_(table.weight, std=0.25)
    return table


def batch(words_BT: torch.Tensor) -> Batch:
    """Messages of words in the first language with their translations, in another order and padded."""
    rows = len(words_BT)
    name, end, pad = (torch.full((rows, 1), token) for token in (NAME, END, PAD))
    source = torch.cat([torch.zeros_like(pad), words_BT + FIRST, name, end, pad], 1)
    target = torch.cat([name, words_BT.flip(1) + FIRST + WORDS, end], 1)
    labels = torch.cat([target, torch.full_like(pad, IGNORED)], 1)
    languages = torch.zeros(rows, dtype=torch.long)
    return Batch(source, (source != PAD).long(), source, labels, languages, languages, int(target.numel()))


def batches(seed: int = 0) -> Iterator[Batch]:
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield batch(torch.randint(0, WORDS, (16, 3), generator=generator))


def found(table: nn.Embedding) -> float:
    """Share of words whose nearest word in the other language is their translation."""
    words_ND = nn.functional.normalize(table.weight[FIRST:NAME].detach(), dim=-1)
    nearest = (words_ND[:WORDS] @ words_ND[WORDS:].t()).argmax(1)
    return float((nearest == torch.arange(WORDS)).float().mean())


def test_words_find_their_translations() -> None:
    table = embedding()
    before, spread = found(table), table.weight.std()
    loss = align_words(table, batches(), 400)
    assert before < 0.4
    assert found(table) == 1.0
    assert loss < 1.0
    torch.testing.assert_close(table.weight.std(), spread, rtol=0.02, atol=0)
    assert not table.weight[PAD].any()


def test_same_batches_same_embedding() -> None:
    tables = [embedding(), embedding()]
    for table in tables:
        align_words(table, batches(), 5)
    assert torch.equal(tables[0].weight, tables[1].weight)


def test_what_is_copied_does_not_count() -> None:
    table = embedding()
    given = batch(torch.arange(12).reshape(4, 3))
    loss = contrastive_loss(table, given, PAD)
    with torch.no_grad():
        table.weight[NAME] += 100
        table.weight[END] -= 100
    assert torch.equal(loss, contrastive_loss(table, given, PAD))


def test_a_negative_budget_is_refused() -> None:
    with pytest.raises(InputError, match="warm_start_updates"):
        TeacherConfig(warm_start_updates=-1)
