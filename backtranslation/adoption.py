"""Whether a round's model replaces the one before it: both translate the dev split, and the differences decide.

Dev rows of withheld pairs are there (only their training is withheld), so the pairs of the claim are scored themselves.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backtranslation.config import AdoptionConfig, pair_name
from parley.corpus.store import Corpus
from parley.languages.table import CODES, directions, pair
from parley.metrics.metric import Metric, Translations
from parley.metrics.registry import METRICS
from parley.metrics.significance import CONFIDENCE, Bootstrap, Floats, adjusted, interval
from parley.pipeline.atomic import replacing
from parley.pipeline.errors import InputError
from parley.pipeline.progress import progress_bar

BOOTSTRAP_SAMPLES: Final = 1000
SIGNIFICANCE: Final = 1 - CONFIDENCE
METRIC: Final = "chrf"
_FEWEST_FOR_SPREAD: Final = 20  # directions from which their spread can be told


@dataclass(frozen=True)
class DevMessages:
    """The dev messages that decide, the same for every model.

    Attributes:
        direction: [n] of each message.
        row: [n] dev row, so that directions that share messages are resampled together.
        source, reference: [n] texts.
        rows: dev rows in all.
    """

    direction: list[str]
    row: list[int]
    source: list[str]
    reference: list[str]
    rows: int

    def lines(self) -> dict[str, list[int]]:
        """Places of the messages of each direction."""
        found: dict[str, list[int]] = {}
        for place, name in enumerate(self.direction):
            found.setdefault(name, []).append(place)
        return found


def dev_messages(corpus: Path, limit: int, seed: int) -> DevMessages:
    """Up to `limit` dev messages (0: all) of every direction that has any, drawn by a seed.

    Raises:
        InputError: no dev row in two languages.
    """
    store = Corpus.open(corpus)
    columns = store.held_out("dev", store.languages).to_pydict()
    count = len(columns[store.languages[0]])
    order = np.random.default_rng(seed).permutation(count).tolist()
    found = DevMessages([], [], [], [], count)
    for name in directions(store.languages):
        source, target = (columns[code] for code in pair(name))
        both = [row for row in order if source[row] and target[row]]
        for row in both[: limit or None]:
            found.direction.append(name)
            found.row.append(row)
            found.source.append(source[row])
            found.reference.append(target[row])
    if not found.row:
        raise InputError(f"{corpus}: no dev row holds two languages: no round can be judged")
    return found


def translate_dev(model: Path, messages: DevMessages, device: str, path: Path) -> list[str]:
    """The model's greedy translations [n], kept in a Parquet file, which a second call reads.

    Raises:
        InputError: the model cannot be loaded, or the disk is full.
    """
    if path.is_file():
        kept: list[str] = pq.read_table(path)["hypothesis"].to_pylist()
        return kept
    import torch

    from parley.decoding.translator import DecodingConfig
    from training.model.loading import Translator

    place = "cuda" if device == "auto" and torch.cuda.is_available() else "cpu"
    translator = Translator.load(model, DecodingConfig(), place)
    sources, targets = (list(side) for side in zip(*map(pair, messages.direction), strict=True))
    with progress_bar(f"dev messages, {path.stem}", len(sources)) as bar:
        hypotheses = translator.translate_many(messages.source, sources, targets, bar.advance)
    table = pa.table({"pair": messages.direction, "row": messages.row, "hypothesis": hypotheses})
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return hypotheses


@dataclass(frozen=True)
class Change:
    """One direction, or the mean of some: chrF of the earlier model, of the reference model and of the new one.

    Attributes:
        before: of the earlier model.
        reference: of the model that the new one is held against: the control, or else the earlier one.
        after: of the new model.
        delta: after minus reference.
        delta_ci: its bootstrap interval.
        error: its bootstrap standard error; 0 where one message shows nothing.
    """

    before: float
    reference: float
    after: float
    delta: float
    delta_ci: tuple[float, float]
    error: float


@dataclass(frozen=True)
class Verdict:
    """The decision, with what it was made from.

    Attributes:
        adopted: whether the round's model replaces the earlier one.
        reason: in a sentence.
        pairs: by unordered pair of the round, the mean of its directions.
        gain: mean over the round's directions.
        others: mean over all other directions; None when there are none.
        harmed: other directions that count as harmed, with the chrF they lost.
        directions: every direction.
    """

    adopted: bool
    reason: str
    pairs: dict[str, Change]
    gain: Change
    others: Change | None
    harmed: dict[str, float] = field(default_factory=dict)
    directions: dict[str, Change] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dict(asdict(self))


@dataclass(frozen=True)
class _Scored:
    """chrF of one system in one direction, with its bootstrap samples [B]."""

    chrf: float
    samples: Floats


def judge(
    messages: DevMessages,
    before: Sequence[str],
    reference: Sequence[str],
    after: Sequence[str],
    pairs: Sequence[str],
    config: AdoptionConfig,
    seed: int,
) -> Verdict:
    """Hold a round's model against its reference on the same dev messages.

    Adopted when the mean chrF of the round's directions rises and the 95 % interval of the rise (paired bootstrap)
    excludes 0, and nothing else is paid for it. "No other direction loses more than `max_cost`" cannot be read off the
    point scores: with a hundred messages the difference of two equal models has a standard error near one chrF, so
    among two hundred directions some lose more than 0.5 by chance alone, and no round would ever be adopted. A
    direction therefore counts as harmed when it loses more than `max_cost` and the loss is significant at 5 % after
    Holm's correction for the number of other directions. What is too small to be seen in one direction is caught in
    their mean, which is known well: it may not fall by more than `max_cost` either.

    The p-values are those of a normal distribution with the bootstrap's standard error: counting samples could show no
    p below 2 / samples, which no correction for 200 directions would let pass. The bootstrap over messages misses
    what two trainings differ by in any case; with many other directions their own spread tells it, and the errors are
    widened by that (genomic control, Devlin and Roeder 1999, with a robust deviation).

    Args:
        before: [n] translations by the earlier model.
        reference: [n] by the control, or `before` again.
        after: [n] by the round's model.
        pairs: unordered pairs of the round.
        seed: of the bootstrap.

    Raises:
        InputError: none of the pairs has dev messages.
    """
    named = {pair_name(*pair(name)) for name in pairs}
    lines = messages.lines()
    ours = _of_the_round(lines, named)
    metric = METRICS[METRIC]
    bootstrap = Bootstrap(messages.rows, BOOTSTRAP_SAMPLES, seed)
    sides = [_scores(outputs, messages, lines, bootstrap, metric) for outputs in (before, reference, after)]
    found = {name: _change(sides, [name]) for name in lines}
    theirs = [name for name in lines if name not in ours]
    by_pair = {key: [name for name in ours if pair_name(*pair(name)) == key] for key in sorted(named, key=_order)}
    gain, others = _change(sides, ours), _change(sides, theirs) if theirs else None
    harmed = _harmed({name: found[name] for name in theirs}, config.max_cost)
    adopted, reason = _decide(gain, others, harmed, config.max_cost)
    if config.always and not adopted:
        adopted, reason = True, f"{reason}; adopted all the same, as backtranslation.adoption.always says"
    return Verdict(
        adopted=adopted,
        reason=reason,
        pairs={key: _change(sides, members) for key, members in by_pair.items() if members},
        gain=gain,
        others=others,
        harmed=harmed,
        directions=found,
    )


def _of_the_round(names: Iterable[str], named: set[str]) -> list[str]:
    """Those of the directions whose pair is named. Raises InputError where there is none."""
    ours = [name for name in names if pair_name(*pair(name)) in named]
    if not ours:
        raise InputError(
            f"back-translation: no dev message in any of {', '.join(sorted(named))}: nothing can be judged"
        )
    return ours


def _scores(
    outputs: Sequence[str], messages: DevMessages, lines: Mapping[str, list[int]], bootstrap: Bootstrap, metric: Metric
) -> dict[str, _Scored]:
    found = {}
    for name, places in lines.items():
        columns = [[side[place] for place in places] for side in (messages.source, messages.reference, outputs)]
        counts = metric.statistics(Translations(name, columns[0], columns[1], columns[2]))
        sums = bootstrap.sums(counts, [messages.row[place] for place in places])
        found[name] = _Scored(metric.score(counts.sum(0), pair(name)[1]), metric.scores(sums))
    return found


def _change(sides: Sequence[Mapping[str, _Scored]], names: Sequence[str]) -> Change:
    """The mean over directions. A resample without a message of a direction leaves that direction out."""
    before, reference, after = (float(np.mean([side[name].chrf for name in names])) for side in sides)
    drawn = np.stack([sides[2][name].samples - sides[1][name].samples for name in names])
    deltas = drawn[:, ~np.isnan(drawn).all(0)]
    spread = np.nanmean(deltas, axis=0) if deltas.size else np.full(1, np.nan)
    delta = after - reference
    error = float(np.nan_to_num(np.nanstd(spread)))
    low, high = interval(spread)
    if math.isnan(low):  # no sample held a message of it
        low = high = delta
    return Change(before, reference, after, delta, (low, high), error)


def _harmed(others: Mapping[str, Change], max_cost: float) -> dict[str, float]:
    """Directions that lose more than `max_cost`, beyond chance."""
    if not others:
        return {}
    ratios = [change.delta / change.error if change.error > 0 else math.inf for change in others.values()]
    spread = _spread([ratio for ratio in ratios if math.isfinite(ratio)])
    p_worse = [NormalDist().cdf(ratio / spread) for ratio in ratios]
    significant = adjusted(p_worse, "holm") < SIGNIFICANCE
    return {
        name: change.delta
        for (name, change), sure in zip(others.items(), significant.tolist(), strict=True)
        if sure and change.delta < -max_cost
    }


def _spread(ratios: Sequence[float]) -> float:
    """How much more directions differ than their bootstrap says: robust deviation of delta / error, at least 1.

    1.4826 times the median distance from the median, the deviation of a normal distribution, whatever a few do.
    """
    if len(ratios) < _FEWEST_FOR_SPREAD:
        return 1.0
    return max(1.0, 1.4826 * float(np.median(np.abs(np.asarray(ratios) - np.median(ratios)))))


def _decide(gain: Change, others: Change | None, harmed: Mapping[str, float], max_cost: float) -> tuple[bool, str]:
    shown = f"{gain.delta:+.2f} chrF [{gain.delta_ci[0]:+.2f}, {gain.delta_ci[1]:+.2f}] on its pairs"
    if gain.delta <= 0 or gain.delta_ci[0] <= 0:
        return False, f"no gain beyond the interval: {shown}"
    if harmed:
        worst = ", ".join(f"{name} {lost:+.2f}" for name, lost in sorted(harmed.items(), key=lambda item: item[1])[:3])
        return False, f"{shown}, but {len(harmed)} other directions lose more than {max_cost}: {worst}"
    if others is not None and others.delta < -max_cost:
        return False, f"{shown}, but the mean of the other directions changes by {others.delta:+.2f}"
    rest = "" if others is None else f", {others.delta:+.2f} on the mean of the others"
    return True, f"{shown}{rest}"


def _order(name: str) -> tuple[int, ...]:
    return tuple(CODES.index(code) for code in pair(name))
