"""Typed configuration of back-translation: what is generated, what is kept, how it is mixed, when it is adopted."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from parley.languages.table import CODES, language, pair
from parley.pipeline.errors import InputError
from parley.pipeline.stage import transient
from training.loop.config import PRECISIONS, TrainingChanges

USES: Final = ("back", "forward", "pivot")
ACCEPT: Final = ("filter", "all", "random")
TAGS: Final = ("none", "bt", "bins")
BINS: Final = 3  # quality bins of a synthetic row: 0 weak, 1 fair, 2 good


def pair_name(first: str, second: str) -> str:
    """The one name of an unordered pair: its languages in the order of `CODES`."""
    return "-".join(sorted((first, second), key=CODES.index))


def _at_least(at: str, key: str, value: int, least: int) -> None:
    if value < least:
        raise InputError(f"{at}.{key}={value}: must be {least} or more")


@dataclass(frozen=True)
class TextFile:
    """Monolingual text from outside the corpus.

    Attributes:
        language: its language.
        path: UTF-8 text, one message a line; relative paths are under `MonolingualConfig.root`.
    """

    language: str
    path: str

    def __post_init__(self) -> None:
        language(self.language)
        if not self.path:
            raise InputError(f"backtranslation.monolingual.files: the {self.language} file has no path")


@dataclass(frozen=True)
class MonolingualConfig:
    """Where monolingual text is taken from. Dev and test texts never are.

    Attributes:
        columns: languages whose column of the corpus' train split is used; empty: every language.
        corpus: use the corpus' train split at all.
        files: text files beside it.
        min_chars, max_chars: shorter and longer messages are left out.
        root: folder that relative paths are under (its place does not matter, the content of the files does).
    """

    corpus: bool = True
    columns: list[str] = field(default_factory=list)
    files: list[TextFile] = field(default_factory=list)
    min_chars: int = 2
    max_chars: int = 300
    root: str = transient(".")

    def __post_init__(self) -> None:
        for code in self.columns:
            language(code)
        if not 1 <= self.min_chars <= self.max_chars:
            raise InputError("backtranslation.monolingual: 1 <= min_chars <= max_chars must hold")
        if not self.corpus and not self.files:
            raise InputError("backtranslation.monolingual: corpus=false needs files")


@dataclass(frozen=True)
class GenerationConfig:
    """How candidates are decoded. Batch and shard size count in the fingerprint: with sampling they change the draws.

    Attributes:
        beam_size: for pairs with fewer than `beam_under` direct train rows.
        beam_under: pairs with as many rows or more are sampled; 0 samples all of them.
        temperature, top_k, top_p: of sampling (top_k 0 and top_p 1: no limit).
        round_trip_beam_size: of the way back; 1 is greedy.
        max_new_tokens: most tokens of a translation.
        max_source_tokens: longer messages are cut.
        batch_size: messages decoded together.
        shard_size: texts of a shard; a killed run loses the shards it was at.
        precision: `fp32`; `bf16`; `auto` (bf16 on a GPU that has it, else fp32).
        device: `auto` (a GPU where there is one) or `cpu`.
        processes: how many processes must take part (0: any number).
        threads: threads of PyTorch's CPU operations (0: PyTorch's choice).
    """

    beam_size: int = 4
    beam_under: int = 1000
    temperature: float = 1.0
    top_k: int = 10
    top_p: float = 1.0
    round_trip_beam_size: int = 1
    max_new_tokens: int = 200
    max_source_tokens: int = 256
    batch_size: int = 128
    shard_size: int = 2048
    precision: str = "auto"
    device: str = transient("auto")
    processes: int = transient(0)
    threads: int = transient(0)

    def __post_init__(self) -> None:
        at = "backtranslation.generation"
        for key in (
            *("beam_size", "round_trip_beam_size", "max_new_tokens", "max_source_tokens"),
            *("batch_size", "shard_size"),
        ):
            _at_least(at, key, getattr(self, key), 1)
        _at_least(at, "beam_under", self.beam_under, 0)
        _at_least(at, "top_k", self.top_k, 0)
        if self.temperature <= 0 or not 0 < self.top_p <= 1:
            raise InputError(f"{at}: temperature must be above 0, and top_p above 0 and at most 1")
        if self.device not in ("auto", "cpu"):
            raise InputError(f"{at}.device={self.device}: choose auto or cpu")
        if self.precision not in PRECISIONS:
            raise InputError(f"{at}.precision={self.precision}: choose one of {', '.join(PRECISIONS)}")


@dataclass(frozen=True)
class FilterConfig:
    """Which candidates are accepted. The two chrF thresholds may be set together: the higher one counts.

    Attributes:
        accept: `filter`; `all` takes whatever has text (the unfiltered ablation); `random` takes as many of each
            direction as the filter would, drawn at random (the ablation that says whether the filter earns its place).
        min_chrf: least sentence chrF of the round trip against the original (0: none).
        drop_quantile: share of each direction's candidates that is dropped for the lowest round-trip chrF (0: none).
        check_language: reject synthetic text that is surely in another language.
        max_length_ratio: largest ratio of the two sides, in expected English characters (0: not checked).
        length_slack: characters added to both sides of that ratio.
        copy_letters: synthetic text that repeats its input is rejected when it has as many letters (0: not checked).
        copies_allowed: pairs in which equal text is often right.
        max_repetition: most repeated n-grams beyond those of the input, as a share of all (1: not checked).
        drop_duplicates: accept each source and target once in a direction.
        min_qe: least quality estimation score (null: none); needs a scorer.
        qe_drop_quantile: share of each direction's candidates that is dropped for the lowest such score (0: none).
        bins: round-trip chrF at which quality bins 1 and 2 begin.
        seed: of random acceptance.
    """

    accept: str = "filter"
    min_chrf: float = 40.0
    drop_quantile: float = 0.0
    check_language: bool = True
    max_length_ratio: float = 2.5
    length_slack: float = 12.0
    copy_letters: int = 8
    copies_allowed: list[str] = field(default_factory=lambda: ["zh-Hans-zh-Hant"])
    max_repetition: float = 0.3
    drop_duplicates: bool = True
    min_qe: float | None = None
    qe_drop_quantile: float = 0.0
    bins: list[float] = field(default_factory=lambda: [40.0, 70.0])
    seed: int = 1

    def __post_init__(self) -> None:
        at = "backtranslation.filter"
        if self.accept not in ACCEPT:
            raise InputError(f"{at}.accept={self.accept}: choose one of {', '.join(ACCEPT)}")
        if not 0 <= self.min_chrf <= 100:
            raise InputError(f"{at}.min_chrf={self.min_chrf}: must lie in 0 to 100")
        for key in ("drop_quantile", "qe_drop_quantile", "max_repetition"):
            if not 0 <= getattr(self, key) <= 1:
                raise InputError(f"{at}.{key}={getattr(self, key)}: must lie in 0 to 1")
        if self.max_length_ratio and self.max_length_ratio <= 1:
            raise InputError(f"{at}.max_length_ratio={self.max_length_ratio}: must be above 1, or 0")
        if len(self.bins) != BINS - 1 or list(self.bins) != sorted(self.bins):
            raise InputError(f"{at}.bins={self.bins}: two rising chrF scores are wanted")
        for name in self.copies_allowed:
            pair(name)

    @property
    def wants_qe(self) -> bool:
        """Whether a threshold needs quality estimation."""
        return self.min_qe is not None or self.qe_drop_quantile > 0


@dataclass(frozen=True)
class MixingConfig:
    """How accepted candidates are mixed with human rows in continued training.

    Attributes:
        ratio: synthetic messages for each human message (0.25 is 1:4, 4 is 4:1), over all directions.
        pair_caps: unordered pair -> most synthetic messages of it for each human message of the whole mixture.
        max_repeats: how often one synthetic row may be shown in a round's training, at most (0: no limit).
        tag: `none`; `bt` puts `<bt>` before synthetic source text; `bins` tags by quality bin.
    """

    ratio: float = 1.0
    pair_caps: dict[str, float] = field(default_factory=dict)
    max_repeats: int = 4
    tag: str = "bt"

    def __post_init__(self) -> None:
        at = "backtranslation.mixing"
        if self.ratio < 0:
            raise InputError(f"{at}.ratio={self.ratio}: must be 0 or more")
        _at_least(at, "max_repeats", self.max_repeats, 0)
        if self.tag not in TAGS:
            raise InputError(f"{at}.tag={self.tag}: choose one of {', '.join(TAGS)}")
        for name, cap in self.pair_caps.items():
            pair(name)
            if cap < 0:
                raise InputError(f"{at}.pair_caps.{name}={cap}: must be 0 or more")


@dataclass(frozen=True)
class AdoptionConfig:
    """When a round's model replaces the one before it.

    Attributes:
        max_cost: most chrF that any other direction may lose.
        dev_messages: dev messages for each direction (0: all).
        bootstrap_samples: samples behind the confidence interval.
        beam_size: of decoding the dev messages; 1 is greedy.
        always: adopt every round whatever the test says, for ablations.
        batch_size: messages decoded together.
        seed: of the choice of messages and of the bootstrap.
    """

    max_cost: float = 0.5
    dev_messages: int = 200
    bootstrap_samples: int = 1000
    beam_size: int = 1
    always: bool = False
    seed: int = 1
    batch_size: int = transient(128)

    def __post_init__(self) -> None:
        at = "backtranslation.adoption"
        if self.max_cost < 0:
            raise InputError(f"{at}.max_cost={self.max_cost}: must be 0 or more")
        _at_least(at, "dev_messages", self.dev_messages, 0)
        _at_least(at, "bootstrap_samples", self.bootstrap_samples, 100)
        _at_least(at, "beam_size", self.beam_size, 1)


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
        pivot_min_rows: direct train rows that a pivot language must have with the synthetic one.
        monolingual: where text is taken from.
        generation: how candidates are decoded.
        filter: which are accepted.
        mixing: how these are mixed with human rows.
        adoption: when a round is adopted.
        training: a round's continued training, where it is not as the first one.
        control: also train on without synthetic rows for the same budget; rounds are then held against that.
        seed: of the choice of texts and of sampling.
    """

    rounds: int = 1
    pairs: list[str] = field(default_factory=list)
    rare_under: int = 1000
    uses: list[str] = field(default_factory=lambda: ["back"])
    candidates: int = 5000
    pivot_min_rows: int = 1000
    monolingual: MonolingualConfig = MonolingualConfig()
    generation: GenerationConfig = GenerationConfig()
    filter: FilterConfig = FilterConfig()
    mixing: MixingConfig = MixingConfig()
    adoption: AdoptionConfig = AdoptionConfig()
    training: TrainingChanges = field(default_factory=TrainingChanges)
    control: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        _at_least("backtranslation", "rounds", self.rounds, 0)
        if self.control and self.training.max_minutes:
            raise InputError("backtranslation.control needs a budget that both sides share: not training.max_minutes")
        check_selection(self.pairs, self.uses, self.candidates)

    def generated(self, round_number: int) -> "GeneratedConfig":
        """What decides the candidates of a round (from 1), and nothing else: filter and mixing do not."""
        return GeneratedConfig(
            round=round_number,
            pairs=sorted({pair_name(*pair(name)) for name in self.pairs}),
            rare_under=self.rare_under if not self.pairs else 0,
            uses=self.uses,
            candidates=self.candidates,
            pivot_min_rows=self.pivot_min_rows if "pivot" in self.uses else 0,
            monolingual=self.monolingual,
            generation=self.generation,
            seed=self.seed,
        )


@dataclass(frozen=True)
class GeneratedConfig:
    """What decides the candidates of one round; see `BacktranslationConfig`.

    Attributes:
        round: from 1; each takes other texts.
    """

    round: int
    pairs: list[str]
    rare_under: int
    uses: list[str]
    candidates: int
    pivot_min_rows: int
    monolingual: MonolingualConfig
    generation: GenerationConfig
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
