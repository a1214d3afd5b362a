"""How a model that can do so is fed all beams of a message at once."""

from typing import NamedTuple

from torch import Tensor


class Beams(NamedTuple):
    """How the beams of each message are fed side by side, as (B, T) tokens for T beams.

    A model whose class says `beams_side_by_side = True` takes it as the argument `beams`, beside `target_language`.

    Attributes:
        step: the position that all of them are at.
        bias: (B, 1, T, S), hides from each beam the entries of the cache that are not its own past; the new ones,
            which go to the cache's end, count too.
    """

    step: int
    bias: Tensor
