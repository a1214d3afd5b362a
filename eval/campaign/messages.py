"""The messages of a pair's report, and which of them people are asked to judge."""

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow.compute as pc

from eval.scoring.quality_scores import quality_folders, read_quality
from eval.stored_outputs import OUTPUTS, read_outputs

Json = dict[str, Any]
Kind = Literal["random", "worst", "check"]
CHECKS: Final = 10  # one message in so many is added with outputs that are not its own


@dataclass(frozen=True)
class ReportMessage:
    """One message with, by system, its output and what quality estimation says of that.

    Attributes:
        spans: errors seen in the output: `start`, `end` in characters, `severity`.
        scores: 0 to 100.
    """

    row_id: str
    domain: str
    source: str
    outputs: dict[str, str] = field(default_factory=dict)
    spans: dict[str, list[Json]] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)


def read_messages(report: Path, direction: str) -> dict[str, ReportMessage]:
    """All messages of a direction by id, from a report's folder or that of its run.

    Raises:
        InputError: no report there.
    """
    folder = report if (report / OUTPUTS).is_file() else report / "report"
    stored, quality = read_outputs([folder / OUTPUTS]), read_quality(quality_folders({"report": folder}))
    found: dict[str, ReportMessage] = {}
    for row in stored.outputs.filter(pc.equal(stored.outputs["pair"], direction)).to_pylist():
        message = found.setdefault(row["row_id"], ReportMessage(row["row_id"], row["domain"], row["source"]))
        message.outputs[row["system"]] = row["hypothesis"]
    for row in quality.filter(pc.equal(quality["pair"], direction)).to_pylist():
        if row["row_id"] in found:
            message, spans = found[row["row_id"]], row["spans"] or []
            message.spans[row["system"]] = [span for span in spans if span["side"] == "target"]
            message.scores[row["system"]] = row["score"]
    return found


def draw(messages: Sequence[ReportMessage], count: int, seed: int) -> list[tuple[Kind, ReportMessage]]:
    """Half of `count` at random from all, the worst of the rest by their mean score, and the checks; shuffled.

    Only the random ones tell how good a system is. Where too few messages have scores, more are random.
    """
    generator = random.Random(seed)
    order = generator.sample(messages, len(messages))
    scored = [one for one in order[(count + 1) // 2 :] if one.scores]
    worst = sorted(scored, key=lambda one: sum(one.scores.values()) / len(one.scores))[: count // 2]
    drawn = [one for one in order if one not in worst][: count - len(worst)]
    found: list[tuple[Kind, ReportMessage]] = [("random", one) for one in drawn]
    found += [("worst", one) for one in worst]
    found += [("check", one) for one in _damaged(order, -(-len(found) // CHECKS))]
    return generator.sample(found, len(found))


def digest(messages: Mapping[str, ReportMessage]) -> str:
    """What a campaign was made from: texts and estimated errors of a direction."""
    told = json.dumps([asdict(message) for message in messages.values()], sort_keys=True)
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()


def _damaged(messages: Sequence[ReportMessage], count: int) -> list[ReportMessage]:
    """The last messages with the outputs of another one, which says something else in every system."""
    found: list[ReportMessage] = []
    for one in messages[::-1]:
        others = (other for other in messages if {*other.outputs.values()}.isdisjoint(one.outputs.values()))
        if len(found) < count and (other := next(others, None)):
            found.append(replace(one, outputs=other.outputs, spans={}))
    return found
