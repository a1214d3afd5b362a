"""What the stage `qe_lexicon` is told."""

from dataclasses import dataclass, field

from parley.languages.table import pair
from parley.pipeline.errors import InputError


@dataclass(frozen=True)
class LexiconConfig:
    """Which tables there are and what they keep.

    Attributes:
        pairs: pairs of languages, such as en-de, both directions of each; empty: no lexicon.
        max_rows: rows of the train split of each pair, evenly spread; 0: all.
        iterations: of expectation maximisation.
        min_count: rarer words are left out.
        floor: smaller probabilities are left out.
    """

    pairs: list[str] = field(default_factory=list)
    max_rows: int = 300_000
    iterations: int = 5
    min_count: int = 2
    floor: float = 1e-3

    def __post_init__(self) -> None:
        for each in self.pairs:
            pair(each)
        if self.max_rows < 0 or self.iterations < 1 or self.min_count < 1 or not 0 <= self.floor < 1:
            raise InputError("qe.lexicon: max_rows 0 or more, iterations and min_count 1 or more, floor in 0 to 1")
