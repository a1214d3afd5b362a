"""What the pages show beyond scores: comparisons of systems, buckets of messages, distributions, telling messages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
import pyarrow as pa

from eval.scoring.buckets import Frequent, bucket_rows
from eval.scoring.message_scores import FLAGS, counts_of, direction_lines
from eval.scoring.scoring import message_numbers
from eval.system_names import telling_pairs
from parley.languages.table import directions
from parley.metrics.chrf import CHAR_ORDER, chrf_score, chrf_scores
from parley.metrics.ngrams import Ints
from parley.metrics.significance import Bootstrap, Floats, adjusted, interval, p_value
from parley.pipeline.progress import track

Json = dict[str, Any]
BINS: Final = 20  # of the distribution of sentence chrF, 5 points each
MIN_BUCKET: Final = 5  # messages; fewer say nothing
BUCKET_SAMPLES: Final = 200
SHARPER: Final = 20  # times the samples of intervals: p-values must stay small when corrected for 240 directions
COMPARISONS: Final = 6  # of systems, at most
TOLD: Final = 8  # messages on each side of a comparison, and the worst of each system
TELLING: Final = 5.0  # points of chrF that a message must gain or lose to be shown
LEVEL: Final = 0.05  # of significance, after the correction for all directions
_WIDTH: Final = 3 * CHAR_ORDER  # counts of chrF2 among those of chrF++


@dataclass(frozen=True)
class Block:
    """One system's outputs in one direction, [N] lines each; `numbers` tells which message of the test set it is."""

    row_ids: list[str]
    domains: list[str]
    sources: list[str]
    references: list[str]
    hypotheses: list[str]
    chrf: Floats
    counts: Ints
    numbers: Ints
    flags: list[list[str]]


def direction_blocks(outputs: pa.Table, messages: pa.Table) -> Iterator[tuple[str, dict[str, Block]]]:
    """Each direction with the outputs of its systems; both tables are aligned line by line."""
    groups = direction_lines(outputs)
    systems = list(dict.fromkeys(outputs["system"].to_pylist()))
    columns = {name: outputs[name].to_pylist() for name in ("row_id", "domain", "source", "reference", "hypothesis")}
    chrf, counts = messages["chrf"].to_numpy().astype(np.float64), counts_of(messages, "chrf_counts")
    numbers, flags = message_numbers(messages), _flags(messages)
    found = {direction for _, direction in groups}
    for direction in (direction for direction in directions() if direction in found):
        blocks = {}
        for system in (system for system in systems if (system, direction) in groups):
            lines = groups[system, direction]
            texts = {name: [column[line] for line in lines] for name, column in columns.items()}
            blocks[system] = Block(
                row_ids=texts["row_id"],
                domains=texts["domain"],
                sources=texts["source"],
                references=texts["reference"],
                hypotheses=texts["hypothesis"],
                chrf=chrf[lines],
                counts=counts[lines],
                numbers=numbers[lines],
                flags=[flags.get(line, []) for line in lines],
            )
        yield direction, blocks


def describe(
    outputs: pa.Table, messages: pa.Table, frequent: Frequent, samples: int = 1000, seed: int = 1
) -> tuple[Json, list[Json]]:
    """Details by direction, and the comparisons of systems over all directions.

    Args:
        outputs: of all systems, with the columns of `eval.testsets.outputs.SCHEMA`.
        messages: their scores, aligned.
        frequent: words that are not rare, by language.

    Returns:
        By direction: `comparisons`, `buckets`, `telling`, `histograms`; docs/evaluation.md has their form. Then one
        entry per compared pair of systems: `a`, `b`, `delta` (b minus a), `delta_ci`, `p_value`, `directions`,
        `better`, `worse`.
    """
    if not len(outputs):
        return {}, []
    many = int(message_numbers(messages).max()) + 1
    draws = Bootstrap(many, samples * SHARPER, seed)
    few = Bootstrap(many, min(samples, BUCKET_SAMPLES), seed)
    found: Json = {}
    sampled: dict[tuple[str, str], list[Floats]] = {}
    total = len(set(outputs["pair"].to_pylist()))
    for direction, blocks in track(direction_blocks(outputs, messages), "describe", total):
        compared = _compare(blocks, draws)
        for pair_of, (_, deltas) in compared.items():
            sums = sampled.setdefault(pair_of, [np.zeros(draws.samples), np.zeros(draws.samples)])
            sums[0] += np.nan_to_num(deltas)
            sums[1] += ~np.isnan(deltas)
        found[direction] = {
            "comparisons": [{"a": a, "b": b} | entry for (a, b), (entry, _) in compared.items()],
            "buckets": _buckets(direction, blocks, frequent, few),
            "telling": _telling(blocks, list(compared)),
            "histograms": {system: _histogram(block.chrf) for system, block in blocks.items()},
        }
    _correct(found)
    means = {pair_of: total / np.where(count, count, np.nan) for pair_of, (total, count) in sampled.items()}
    return found, [_overall(pair_of, deltas, found) for pair_of, deltas in means.items()]


def compared_systems(systems: Sequence[str]) -> list[tuple[str, str]]:
    """Which systems are held against each other: the pairs that tell most, then all against the first, then others."""
    told = telling_pairs(systems)
    others = [two for two in combinations(systems, 2) if two not in told and two[::-1] not in told]
    return [*told, *others][:COMPARISONS]


def _compare(blocks: Mapping[str, Block], draws: Bootstrap) -> dict[tuple[str, str], tuple[Json, Floats]]:
    """Paired bootstrap of chrF between systems on the messages that both have, and its samples [B] of the delta."""
    found: dict[tuple[str, str], tuple[Json, Floats]] = {}
    same = len({block.numbers.tobytes() for block in blocks.values()}) == 1
    if same and len(blocks) > 1:  # one product serves all
        scores = _samples(blocks, {system: list(range(len(block.row_ids))) for system, block in blocks.items()}, draws)
    for a, b in compared_systems(list(blocks)):
        both = dict(zip((a, b), common_lines(blocks[a], blocks[b]), strict=True))
        if not both[a]:
            continue
        mine = scores if same else _samples(blocks, both, draws)
        deltas = mine[b] - mine[a]
        points = [chrf_score(blocks[system].counts[lines].sum(0)) for system, lines in both.items()]
        entry = {"n": len(both[a]), "delta": points[1] - points[0], "delta_ci": list(interval(deltas))}
        found[a, b] = _rounded(entry | {"p_value": p_value(deltas)}, 5), deltas
    return found


def _samples(blocks: Mapping[str, Block], lines: Mapping[str, list[int]], draws: Bootstrap) -> dict[str, Floats]:
    """chrF of each system in each sample [B]; the lines of all systems are the same messages, in step."""
    counts = [blocks[system].counts[mine][:, :_WIDTH] for system, mine in lines.items()]
    first = next(iter(lines))
    sums = draws.sums(np.concatenate(counts, axis=1), blocks[first].numbers[lines[first]].tolist())
    return {system: chrf_scores(sums[:, i * _WIDTH : (i + 1) * _WIDTH]) for i, system in enumerate(lines)}


def common_lines(a: Block, b: Block) -> tuple[list[int], list[int]]:
    """Lines of both systems that translate the same message, in step."""
    place = {row_id: line for line, row_id in enumerate(a.row_ids)}
    both = [(place[row_id], line) for line, row_id in enumerate(b.row_ids) if row_id in place]
    return [line for line, _ in both], [line for _, line in both]


def _correct(found: Json) -> None:
    """p-values corrected (Holm) for all directions in which two systems are compared."""
    by_systems: dict[tuple[str, str], list[Json]] = {}
    for details in found.values():
        for entry in details["comparisons"]:
            by_systems.setdefault((entry["a"], entry["b"]), []).append(entry)
    for entries in by_systems.values():
        for entry, value in zip(entries, adjusted([e["p_value"] for e in entries]), strict=True):
            entry["p_adjusted"] = round(float(value), 5)


def _overall(pair_of: tuple[str, str], deltas: Floats, found: Json) -> Json:
    """The mean over directions; they are resampled together, for they share messages."""
    entries = [e for d in found.values() for e in d["comparisons"] if (e["a"], e["b"]) == pair_of]
    sure = [e["delta"] for e in entries if e["p_adjusted"] < LEVEL]
    entry: Json = {
        "a": pair_of[0],
        "b": pair_of[1],
        "delta": float(np.mean([e["delta"] for e in entries])),
        "delta_ci": list(interval(deltas)),
        "p_value": p_value(deltas),
        "directions": len(entries),
        "better": sum(delta > 0 for delta in sure),
        "worse": sum(delta < 0 for delta in sure),
    }
    return _rounded(entry, 5)


def _buckets(direction: str, blocks: Mapping[str, Block], frequent: Frequent, draws: Bootstrap) -> list[Json]:
    """chrF of every system on every kind of message."""
    found: dict[tuple[str, str], Json] = {}
    for system, block in blocks.items():
        rows = bucket_rows(direction, block.sources, block.references, block.domains, frequent)
        rows = {bucket: lines for bucket, lines in rows.items() if len(lines) >= MIN_BUCKET}
        for bucket, (score, bounds) in _bucket_scores(block, rows, draws).items():
            entry = found.setdefault(bucket, {"kind": bucket[0], "name": bucket[1], "n": 0, "systems": {}})
            entry["n"] = max(entry["n"], len(rows[bucket]))
            entry["systems"][system] = {"chrf": round(score, 2), "chrf_ci": [round(bound, 2) for bound in bounds]}
    return list(found.values())


def _bucket_scores(
    block: Block, rows: Mapping[tuple[str, str], list[int]], draws: Bootstrap
) -> dict[tuple[str, str], tuple[float, tuple[float, float]]]:
    """chrF and its interval by bucket, all buckets in one product."""
    if not rows:
        return {}
    member = np.zeros((len(block.row_ids), len(rows), 1), np.int64)
    for place, lines in enumerate(rows.values()):
        member[lines, place] = 1
    counts = (member * block.counts[:, None, :_WIDTH]).reshape(len(member), -1)
    sums = draws.sums(counts, block.numbers.tolist()).reshape(draws.samples, len(rows), _WIDTH)
    points = counts.sum(0).reshape(len(rows), _WIDTH)
    return {
        bucket: (chrf_score(points[place]), interval(chrf_scores(sums[:, place]))) for place, bucket in enumerate(rows)
    }


def _telling(blocks: Mapping[str, Block], compared: Sequence[tuple[str, str]]) -> Json:
    """Ids of the biggest gains and losses of each comparison, and of each system's worst messages.

    Returns:
        `wins` and `losses` of b against a: lists of {a, b, row_id, delta}; `worst`: by system, {row_id, chrf, flags}.
    """
    found: Json = {"wins": [], "losses": [], "worst": {}}
    for a, b in compared:
        lines_a, lines_b = common_lines(blocks[a], blocks[b])
        deltas = blocks[b].chrf[lines_b] - blocks[a].chrf[lines_a]
        ranked = np.argsort(deltas, kind="stable")
        for key, order in (("wins", ranked[::-1]), ("losses", ranked)):
            far = [
                place
                for place in order[:TOLD]
                if abs(deltas[place]) >= TELLING and (deltas[place] > 0) == (key == "wins")
            ]
            found[key] += [
                {"a": a, "b": b, "row_id": blocks[a].row_ids[lines_a[place]], "delta": round(float(deltas[place]), 1)}
                for place in far
            ]
    for system, block in blocks.items():
        worst = np.argsort(block.chrf, kind="stable")[:TOLD].tolist()
        found["worst"][system] = [
            {"row_id": block.row_ids[line], "chrf": round(float(block.chrf[line]), 1), "flags": block.flags[line]}
            for line in worst
        ]
    return found


def _histogram(chrf: Floats) -> list[int]:
    """Messages by sentence chrF: [BINS], 0 to 100."""
    return np.histogram(chrf, BINS, (0.0, 100.0))[0].tolist()


def _flags(messages: pa.Table) -> dict[int, list[str]]:
    """Names of the flags that are set, by line; lines without any are absent."""
    found: dict[int, list[str]] = {}
    for name in FLAGS:
        for line in np.flatnonzero(np.asarray(messages[name].fill_null(False))).tolist():
            found.setdefault(line, []).append(name)
    return found


def _rounded(entry: Json, digits: int) -> Json:
    def rounded(value: Any) -> Any:
        if isinstance(value, list):
            return [rounded(item) for item in value]
        return round(value, digits) if isinstance(value, float) else value

    return {key: rounded(value) for key, value in entry.items()}
