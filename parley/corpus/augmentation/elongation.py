"""Words drawn out."""

from random import Random

from parley.corpus.augmentation.registry import AUGMENTATIONS, Message
from parley.corpus.augmentation.words import CASED, in_a_word


@AUGMENTATIONS.register("elongation")
def elongation(message: Message, draw: Random) -> Message:
    """`so` -> `sooo`: the last letter of one word of the source, as chat does it; in scripts with case."""
    return in_a_word(message, draw, lambda word, draw: word + word[-1] * draw.randint(1, 3), CASED)
