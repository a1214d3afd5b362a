"""Everything that chat does to a message, in the shares that it has there.

Who types carelessly leaves out capitals, marks and full stops alike: a share of the messages has much of it at once.
"""

from random import Random
from typing import Final

from parley.corpus.augmentation.registry import AUGMENTATIONS, Message

SHARES: Final = {  # what is put beside a message comes last: it is not mistyped
    "romanised": 0.03,
    "case": 0.18,
    "marks": 0.10,
    "punctuation": 0.15,
    "elongation": 0.05,
    "leetspeak": 0.02,
    "typos": 0.08,
    "emoji": 0.08,
    "copied": 0.10,
}

_CARELESS: Final = 1 / 3  # of the messages
_MUCH: Final = 4  # times the share


@AUGMENTATIONS.register("chat")
def chat(message: Message, draw: Random) -> Message:
    """Each kind of noise by its share, several at once or none; in a part of the messages four times as much."""
    times = _MUCH if draw.random() < _CARELESS else 1
    for name, share in SHARES.items():
        if draw.random() < times * share:
            message = AUGMENTATIONS[name](message, draw)
    return message
