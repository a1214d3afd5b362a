"""Two messages in one."""

from dataclasses import replace
from random import Random

from parley.corpus.augmentation.registry import AUGMENTATIONS, Message


@AUGMENTATIONS.register("concatenation")
def concatenation(message: Message, draw: Random) -> Message:
    """A second message of the same direction behind the first, on both sides; a space between them."""
    second = message.neighbour
    if second is None:
        return message
    return replace(message, source=f"{message.source} {second.source}", target=f"{message.target} {second.target}")
