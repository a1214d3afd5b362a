"""Messages that change their language on the way."""

import re
from dataclasses import replace
from random import Random
from typing import Final

from parley.corpus.augmentation.registry import AUGMENTATIONS, Message

_ENDS: Final = re.compile(r"(?<=[.!?…])\s+(?=\w|[¿¡])|(?<=[。！？])\s*(?=\w)")  # of sentences that another follows


@AUGMENTATIONS.register("mixed")
def mixed(message: Message, draw: Random) -> Message:
    """Some of the source's sentences in a further language, where both have as many; else, where there is a neighbour,
    that in the further language before or behind. The target stays in one language."""
    if not message.other:
        return message
    both = [_ENDS.split(text) for text in (message.source, message.other)]
    if len(both[0]) == len(both[1]) > 1:
        cut = draw.randrange(1, len(both[0]))
        draw.shuffle(both)
        return replace(message, source=" ".join([*both[0][:cut], *both[1][cut:]]))
    second = message.neighbour
    if second is None or not second.other:
        return message
    order = [(message.source, message.target), (second.other, second.target)]
    draw.shuffle(order)
    return replace(message, source=" ".join(one for one, _ in order), target=" ".join(one for _, one in order))
