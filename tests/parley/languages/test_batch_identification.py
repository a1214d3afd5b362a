"""Many texts at once get the probabilities that each gets alone."""

import numpy as np
import pytest

from parley.languages import batch_identification
from parley.languages.batch_identification import BatchIdentifier
from parley.languages.identification import probabilities, same_letters

TEXTS = [
    "Where is everybody going tonight?",
    "¿Dónde está mi espada mágica?",
    "WIR TREFFEN UNS AM TOR",
    "",
    "🙂",
    "ok",
    "Nous avons encore perdu la partie, quelle honte",
]


@pytest.mark.parametrize("size", [2, 4096])
def test_they_are_those_of_single_texts(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_identification, "_BATCH", size)
    codes = same_letters("en")
    found = BatchIdentifier(codes).probabilities(TEXTS)
    alone = [[probabilities(text, codes)[code] for code in codes] for text in TEXTS]
    assert np.allclose(found, alone, atol=1e-5)


def test_no_texts_give_no_rows() -> None:
    codes = same_letters("en")
    assert BatchIdentifier(codes).probabilities([]).shape == (0, len(codes))
