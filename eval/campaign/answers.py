"""What people answered in Pearmut, held against the report that they were asked about; what fits is kept."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from eval.campaign.campaign import FAILED, OURS
from eval.campaign.messages import ReportMessage, digest, read_messages
from eval.campaign.pearmut import from_pearmut, shown
from parley.languages.table import pair
from parley.pipeline.errors import InputError
from parley.reading.json_lines import read_objects

Json = dict[str, Any]
RESET: Final = "__RESET__"  # in place of an annotation: the rater starts anew
TOLD: Final = 5  # names behind each reason
FACTS: Final = {"report", "pair", "kind"}  # under `OURS`
_BLANK: Final = {"side": "target", "dimension": "", "category": ""}


@dataclass
class Answers:
    """Judgements that fit the report, and by reason the names of those that do not.

    Attributes:
        rows: one for each rater and output: the columns of `qe_data` form `campaign`; `score`, 0 to 100; `kind` of
            message, random or worst; `estimated`, the errors that quality estimation saw.
    """

    rows: list[Json] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    notes: list[str] = field(default_factory=list)

    def complaints(self) -> list[str]:
        """The notes, and one line for each reason."""
        lines = list(self.notes)
        for reason, names in self.refused.items():
            more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
            lines.append(f"{len(names)} refused, {reason}: {', '.join(names[:TOLD])}{more}")
        return lines

    def take(self, direction: str, rater: str, message: ReportMessage, item: Json, said: Json) -> None:
        """Keep what a rater said of the outputs of a message, or refuse it."""
        for system, answer in said.items():
            try:
                told = _judgement(message, system, item, answer)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                self.refused["it does not fit the report"].append(f"{direction} {message.row_id} {system} ({error})")
            else:
                source, target = pair(direction)
                self.rows.append({"src_lang": source, "tgt_lang": target, "rater": rater} | told)

    def leave_out_careless(self, failed: Mapping[str, Sequence[bool]]) -> None:
        """Refuse raters who failed more of the checks than may be."""
        for rater, checks in failed.items():
            if sum(checks) > FAILED * len(checks):
                kept = [row for row in self.rows if row["rater"] != rater]
                told = f"{rater} ({sum(checks)} of {len(checks)}, {len(self.rows) - len(kept)} judgements)"
                self.refused["the rater failed the checks"].append(told)
                self.rows = kept


def read_answers(file: Path, report: Path) -> Answers:
    """Read annotations of Pearmut, its own file (.jsonl) or as downloaded from its dashboard (.json).

    Raises:
        InputError: a file of another form, no report, or nothing in it that fits the report.
    """
    answers, failed = Answers(), defaultdict[str, list[bool]](list)
    known: dict[str, dict[str, ReportMessage]] = {}
    for rater, item, said, passed in _screens(file):
        origin, name = item.get(OURS), str(item.get("item_id"))
        if not (isinstance(item.get("tgt"), dict) and isinstance(origin, dict) and origin.keys() >= FACTS):
            answers.refused["not from a campaign of ours"].append(name)
            continue
        direction = str(origin["pair"])
        if direction not in known:
            known[direction] = read_messages(report, direction)
            if origin["report"] != digest(known[direction]):
                answers.notes.append(f"{report} has changed in {direction} since the campaign was made")
        if origin["kind"] == "check":
            failed[rater].append(not passed)
        elif message := known[direction].get(name):
            answers.take(direction, rater, message, item, said)
        else:
            answers.refused["the report has no such message"].append(f"{direction} {name}")
    answers.leave_out_careless(failed)
    if not answers.rows:
        raise InputError(f"{file}: nothing fits {report}; {'; '.join(answers.complaints()) or 'it is empty'}")
    return answers


def _judgement(message: ReportMessage, system: str, item: Json, answer: Json) -> Json:
    """What a rater said of one output.

    Raises:
        ValueError: the rater saw another text, or marks and score are none of it.
    """
    output, score = message.outputs.get(system, ""), answer["score"]
    if (item.get("src"), item["tgt"].get(system)) != (shown(message.source), shown(output)):
        raise ValueError("another text in the report")
    if not 0 <= score <= 100:
        raise ValueError(f"a score of {score}")
    return {
        "system": system,
        "doc": message.row_id,
        "seg_id": "1",
        "domain": message.domain,
        "split": "",
        "kind": item[OURS]["kind"],
        "source": message.source,
        "target": output,
        "score": score,
        "spans": [_BLANK | from_pearmut(output, span) for span in answer["error_spans"]],
        "estimated": message.spans.get(system, []),
    }


def _screens(file: Path) -> Iterator[tuple[str, Json, Json, bool]]:
    """Rater, item, answers by system, whether its check was passed; of each rater's item the last answer."""
    latest: dict[tuple[str, str], dict[str, Json]] = defaultdict(dict)
    for campaign, entry in _entries(file):
        screens = latest[campaign, str(entry.get("user_id"))]
        if entry.get("annotation") == RESET:
            screens.clear()
        else:
            screens[str(entry.get("item_i"))] = entry
    for (_, rater), screens in latest.items():
        for number, entry in screens.items():
            items, said = entry.get("item"), entry.get("annotation")
            if not (isinstance(items, list) and isinstance(said, list) and len(items) == len(said)):
                raise InputError(f"{file}: screen {number} of {rater} has no 'item' with its 'annotation'")
            for item, answer in zip(items, said, strict=True):
                if isinstance(item, dict) and isinstance(answer, dict):  # a form to fill in has other answers
                    yield rater, item, answer, entry.get("validations") == [True]


def _entries(file: Path) -> Iterator[tuple[str, Json]]:
    """Campaign and each line of its log."""
    if file.suffix == ".jsonl":
        yield from ((file.stem, entry) for _, entry in read_objects(file))
        return
    try:
        campaigns = json.loads(file.read_text(encoding="utf-8"))
        yield from ((name, {**entry}) for name, entries in campaigns.items() for entry in entries)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{file}: not annotations of Pearmut ({error})") from error
