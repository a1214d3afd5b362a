"""Typed configuration of back-translation: what is generated, what is kept, how it is mixed, when it is adopted."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from parley.languages.table import CODES, language, pair
from parley.pipeline.errors import InputError
from parley.pipeline.stage import transient

USES: Final = ("back", "forward", "pivot")
ACCEPT: Final = ("filter", "all", "random")


def pair_name(first: str, second: str) -> str:
    """The one name of an unordered pair: its languages in the order of `CODES`."""
    return "-".join(sorted((first, second), key=CODES.index))


def _at_least(at: str, key: str, value: float, least: int) -> None:
    if value < least:
        raise InputError(f"{at}.{key}={value}: must be {least} or more")


@dataclass(frozen=True)
class TextFile:
    """Monolingual text from outside the corpus.

    Attributes:
        language: its language.
        path: UTF-8 text, one message a line; its place does not matter, its content does.
    """

    language: str
    path: str = transient()

    def __post_init__(self) -> None:
        language(self.language)
        if not self.path:
            raise InputError(f"backtranslation.files: the {self.language} file has no path")


@dataclass(frozen=True)
class GenerationConfig:
    """How candidates are decoded.

    Attributes:
        beam_size: for pairs that have next to no direct rows; 1 is greedy. Others are sampled.
        max_tokens: most tokens of a translation; longer messages are cut to as many.
    """

    beam_size: int = 4
    max_tokens: int = 128

    def __post_init__(self) -> None:
        for key in ("beam_size", "max_tokens"):
            _at_least("backtranslation.generation", key, getattr(self, key), 1)


@dataclass(frozen=True)
class FilterConfig:
    """Which candidates are accepted.

    Attributes:
        accept: `filter`; `all` takes whatever has text (the unfiltered ablation); `random` takes as many of each
            direction as the filter would, drawn at random (the ablation that says whether the filter earns its place).
        min_chrf: least sentence chrF of the round trip against the original (0: none).
        min_qe: least quality estimation score (null: none); needs a scorer.
    """

    accept: str = "filter"
    min_chrf: float = 40.0
    min_qe: float | None = None

    def __post_init__(self) -> None:
        if self.accept not in ACCEPT:
            raise InputError(f"backtranslation.filter.accept={self.accept}: choose one of {', '.join(ACCEPT)}")
        if not 0 <= self.min_chrf <= 100:
            raise InputError(f"backtranslation.filter.min_chrf={self.min_chrf}: must lie in 0 to 100")


@dataclass(frozen=True)
class AdoptionConfig:
    """When a round's model replaces the one before it.

    Attributes:
        max_cost: most chrF that any other direction may lose.
        dev_messages: dev messages for each direction (0: all).
        always: adopt every round whatever the test says, for ablations.
    """

    max_cost: float = 0.5
    dev_messages: int = 200
    always: bool = False

    def __post_init__(self) -> None:
        _at_least("backtranslation.adoption", "max_cost", self.max_cost, 0)
        _at_least("backtranslation.adoption", "dev_messages", self.dev_messages, 0)


@dataclass(frozen=True)
class BacktranslationConfig:
    """Iterative back-translation.

    Attributes:
        rounds: rounds at most; 0 for none. A round that does not earn its place ends the loop earlier.
        pairs: unordered pairs such as fr-th; empty: every pair of the corpus under `rare_under` direct train rows.
        rare_under: see `pairs`; withheld pairs count as 0 rows.
        uses: `back` (synthetic source, real target), `forward` (real source, synthetic target), `pivot` (real target,
            and a source translated from a third language of the same row).
        candidates: for each direction and round, shared evenly among the uses.
        files: monolingual text beside the corpus' train split; texts of dev and test are left out.
        generation: how candidates are decoded.
        filter: which are accepted.
        ratio: synthetic messages for each human one in a round's training (0.25 is 1:4, 4 is 4:1), over all directions.
        adoption: when a round is adopted.
        training: keys of `training` where a round trains otherwise than the teacher; a budget at least.
        control: also train on without synthetic rows for the same budget; rounds are then held against that.
        seed: of the choice of texts and of sampling.
    """

    rounds: int = 1
    pairs: list[str] = field(default_factory=list)
    rare_under: int = 1000
    uses: list[str] = field(default_factory=lambda: ["back"])
    candidates: int = 5000
    files: list[TextFile] = field(default_factory=list)
    generation: GenerationConfig = GenerationConfig()
    filter: FilterConfig = FilterConfig()
    ratio: float = 1.0
    adoption: AdoptionConfig = AdoptionConfig()
    training: dict[str, Any] = field(default_factory=dict)
    control: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        _at_least("backtranslation", "rounds", self.rounds, 0)
        _at_least("backtranslation", "ratio", self.ratio, 0)
        if self.control and self.training.get("max_minutes"):
            raise InputError("backtranslation.control needs a budget that both sides share: not training.max_minutes")
        check_selection(self.pairs, self.uses, self.candidates)

    def selection(self, round_number: int) -> "SelectionConfig":
        """What decides the texts of a round (from 1)."""
        return SelectionConfig(
            round=round_number,
            pairs=sorted({pair_name(*pair(name)) for name in self.pairs}),
            rare_under=self.rare_under if not self.pairs else 0,
            uses=self.uses,
            candidates=self.candidates,
            files=self.files,
            seed=self.seed,
        )


@dataclass(frozen=True)
class SelectionConfig:
    """What decides the texts of one round; see `BacktranslationConfig`.

    Attributes:
        round: from 1; each takes other texts.
    """

    round: int
    pairs: list[str]
    rare_under: int
    uses: list[str]
    candidates: int
    files: list[TextFile]
    seed: int


def check_selection(pairs: Iterable[str], uses: Iterable[str], candidates: int) -> None:
    """Hold pairs and uses against what there is.

    Raises:
        InputError: a malformed pair, an unknown or repeated use, no use, no candidates.
    """
    for name in pairs:
        pair(name)
    found = list(uses)
    for use in found:
        if use not in USES:
            raise InputError(f"backtranslation.uses: unknown use '{use}'; choose from {', '.join(USES)}")
    if not found or len(set(found)) < len(found):
        raise InputError(f"backtranslation.uses={found}: name each of {', '.join(USES)} at most once, one at least")
    _at_least("backtranslation", "candidates", candidates, 1)
