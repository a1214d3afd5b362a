"""The one form of an annotated translation: error spans by character offset, with severity and dimension.

Offsets count Unicode code points of the stored strings, as Python slices them: `text[span.start:span.end]`.
- `start < end`: a piece of text.
- `start == end >= 0`: an insertion point; something is missing there (an omission, on the target side).
- `start == end == -1`: an error that is known but not placed in the text; it counts in scores only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from parley.languages.words import Interval
from parley.pipeline.errors import InputError

Side = Literal["target", "source"]
Dimension = Literal["accuracy", "fluency", "consistency", "other"]
Severity = Literal["minor", "major", "critical"]
Origin = Literal["human", "synthetic"]
Known = Literal["severity", "dimension", "gaps", "source"]

# Ways of annotating: each marks more or fewer words.
STYLES: Final = ("mqm", "tags", "synthetic", "medical", "chat", "spans", "panel")
# Those whose figures and thresholds stand by themselves; the others of people are of news, talks and the like.
APART: Final = ("medical", "chat", "tags")
SIDES: Final[tuple[Side, ...]] = get_args(Side)
DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
ORIGINS: Final[tuple[Origin, ...]] = get_args(Origin)
KNOWN: Final[tuple[Known, ...]] = get_args(Known)
SYNTHETIC_KNOWN: Final[frozenset[Known]] = frozenset({"severity", "dimension", "gaps"})  # of synthetic errors
SEVERITY_LABELS: Final = ("ok", *SEVERITIES)  # label of a word or gap = position here: 0 ok ... 3 critical
DIMENSION_LABELS: Final = ("none", *DIMENSIONS)  # 0 none (an ok word), 1 accuracy, 2 fluency, 3 consistency, 4 other
POINTS: Final[dict[Severity, float]] = {"minor": 1.0, "major": 5.0, "critical": 25.0}  # penalty of one error (MQM)
UNPLACED: Final = -1


@dataclass(frozen=True, slots=True)
class ErrorSpan:
    """One error of one rater.

    Attributes:
        start, end: characters of the side's text; see the top of this file for points and unplaced errors.
        side: which text is marked. Marked source words were not translated, or caused the error.
        dimension: "other" where the annotation does not say.
        category: label as the annotators wrote it; may be empty.
        severity: for sets without severities (`"severity" not in known`) a stand-in.
        rater: who marked it; empty for synthetic errors.
    """

    start: int
    end: int
    side: Side = "target"
    dimension: Dimension = "other"
    category: str = ""
    severity: Severity = "major"
    rater: str = ""

    def __post_init__(self) -> None:
        for name, value, valid in (
            ("side", self.side, SIDES),
            ("dimension", self.dimension, DIMENSIONS),
            ("severity", self.severity, SEVERITIES),
        ):
            if value not in valid:
                raise InputError(f"{name} of a span is '{value}': it must be one of {' '.join(valid)}")
        if not (0 <= self.start <= self.end or self.start == self.end == UNPLACED):
            raise InputError(f"a span from {self.start} to {self.end} is no span: 0 <= start <= end, or both -1")

    @property
    def placed(self) -> bool:
        """Whether the error has a place in the text."""
        return self.start != UNPLACED

    @property
    def is_point(self) -> bool:
        """Whether it is an insertion point: something is missing there."""
        return self.placed and self.start == self.end


@dataclass(frozen=True, slots=True)
class ContextMessage:
    """A message before the translated one: as its writer wrote it, and the translation that readers saw, if known."""

    text: str
    translation: str | None = None


@dataclass(frozen=True, slots=True)
class AnnotatedTranslation:
    """A translation and what its raters marked in it.

    Attributes:
        id: unique in its set; names the row in errors.
        document: documents never straddle splits; for chat, the conversation.
        system: who translated.
        source_lang, target_lang: codes; languages outside the 16 are allowed here.
        source, target: plain text; both may be empty.
        context: preceding messages, oldest first.
        spans: of all raters, in the raters' order.
        raters: everybody who looked at it, also those who marked nothing; empty for synthetic errors.
        known: what the annotation tells beyond bad or ok: severities, dimensions, gaps (omissions), source words.
        origin: human annotation or synthetic errors.
        source_words, target_words: words as the annotators saw them; None: see `words.words_of`.
        split, domain: as published, or empty.
        style: one of `STYLES` where the source names it; empty: see `labels.style_of`.
    """

    id: str
    document: str
    system: str
    source_lang: str
    target_lang: str
    source: str
    target: str
    context: tuple[ContextMessage, ...] = ()
    spans: tuple[ErrorSpan, ...] = ()
    raters: tuple[str, ...] = ()
    known: frozenset[Known] = field(default=frozenset(KNOWN))
    origin: Origin = "human"
    source_words: tuple[Interval, ...] | None = None
    target_words: tuple[Interval, ...] | None = None
    split: str = ""
    domain: str = ""
    style: str = ""

    def __post_init__(self) -> None:
        if self.origin not in ORIGINS:
            raise InputError(f"{self.id}: origin is '{self.origin}': it must be one of {' '.join(ORIGINS)}")
        if self.style and self.style not in STYLES:
            raise InputError(f"{self.id}: style is '{self.style}': it must be one of {' '.join(STYLES)}")
        for span in self.spans:
            length = len(self.text(span.side))
            if span.end > length:
                place = f"{span.start} to {span.end}"
                raise InputError(f"{self.id}: a span from {place} does not fit its {span.side} of {length} characters")
        self._check_words("source", self.source_words)
        self._check_words("target", self.target_words)

    @property
    def direction(self) -> str:
        """Source and target code joined by a hyphen."""
        return f"{self.source_lang}-{self.target_lang}"

    def text(self, side: Side) -> str:
        """Source or target."""
        return self.target if side == "target" else self.source

    def spans_of(self, rater: str | None = None, side: Side = "target") -> tuple[ErrorSpan, ...]:
        """Placed spans on one side, of one rater or of all."""
        return tuple(span for span in self.spans if span.placed and span.side == side and rater in (None, span.rater))

    def _check_words(self, side: Side, words: Sequence[Interval] | None) -> None:
        reached = 0
        for start, end in words or ():
            if not reached <= start < end <= len(self.text(side)):
                raise InputError(f"{self.id}: word {start}-{end} does not fit the {side} or the words before it")
            reached = end


@dataclass(frozen=True, slots=True)
class WordLabels:
    """Labels of the N words of one text and of its N + 1 gaps; gap i is in front of word i, the last one at the end.

    Attributes:
        words: character intervals, in order, not overlapping.
        severity: [N] position in `SEVERITY_LABELS`, the worst of the spans that touch the word.
        dimension: [N] position in `DIMENSION_LABELS`, of that worst span.
        gaps: [N + 1] severity of what is missing there.
        gap_dimension: [N + 1].
        soft: [N][4] share of raters per severity, where several are kept; None: one-hot.
        soft_gaps: [N + 1][4].
    """

    words: tuple[Interval, ...]
    severity: tuple[int, ...]
    dimension: tuple[int, ...]
    gaps: tuple[int, ...]
    gap_dimension: tuple[int, ...]
    soft: tuple[tuple[float, ...], ...] | None = None
    soft_gaps: tuple[tuple[float, ...], ...] | None = None


def penalty(spans: Iterable[ErrorSpan], raters: int = 1) -> float:
    """Penalty points per rater: the sum over all errors, unplaced ones too, source-side ones left out."""
    return sum(POINTS[span.severity] for span in spans if span.side == "target") / max(1, raters)
