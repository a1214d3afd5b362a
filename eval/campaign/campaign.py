"""A campaign for Pearmut, WMT's tool for annotation: messages of one pair with the errors that were estimated."""

from collections.abc import Sequence
from typing import Any, Final

from eval.campaign.messages import Kind, ReportMessage
from eval.campaign.pearmut import shown, to_pearmut
from parley.languages.table import language, pair
from parley.metrics.message_quality import SEVERITIES

Json = dict[str, Any]
OURS: Final = "parley"  # key of an item: where it comes from
PASSES: Final = (0, 50)  # score of an output that is not the message's own, 0 to 100
FAILED: Final = 0.34  # of the checks, at most, in work that counts
_INSTRUCTIONS: Final = """<p>Read the message and its translations from {} into {}. Correct the errors that are marked
already: a program saw them.</p><ul>
<li>Click on the first and the last character of an error to mark it; point at a mark to change or remove it.
<li><b>Minor</b>: reads badly. <b>Major</b>: means something else, or is hard to understand. <b>Critical</b>: means the
opposite, insults or endangers.
<li>Mark [missing] where something is left out.
<li>Score each translation: 0 nonsense, 33 serious errors, 66 small errors, 100 perfect.</ul>"""


def campaign(
    direction: str,
    drawn: Sequence[tuple[Kind, ReportMessage]],
    systems: Sequence[str],
    origin: str,
    raters: int,
    prefill: bool,
) -> Json:
    """What `pearmut add` reads: every rater gets all messages, one a screen, the systems side by side and nameless.

    Args:
        origin: digest of the report.
        raters: how many people judge the same messages.
        prefill: whether they see the estimated errors.
    """
    source, target = (language(code) for code in pair(direction))
    screens = [[_item(message, systems, prefill, kind, direction, origin)] for kind, message in drawn]
    info = {
        "assignment": "task-based",
        "protocol": "ESA",
        "instructions": _INSTRUCTIONS.format(source.name, target.name),
        "mqm_severities": [severity.capitalize() for severity in SEVERITIES],
        "word_level": target.spaced,
        "validation_threshold": FAILED,
    }
    return {"campaign_id": f"parley-{direction}-{origin}", "info": info, "data": [screens] * raters}


def _item(
    message: ReportMessage, systems: Sequence[str], prefill: bool, kind: Kind, direction: str, origin: str
) -> Json:
    outputs = {system: message.outputs[system] for system in systems}
    item: Json = {
        "item_id": message.row_id,
        "src": shown(message.source),
        "tgt": {system: shown(output) for system, output in outputs.items()},
        OURS: {"report": origin, "pair": direction, "kind": kind},
    }
    if prefill:
        item["error_spans"] = {s: _marks(output, message.spans.get(s, [])) for s, output in outputs.items()}
    if kind == "check":
        item["validation"] = {system: {"score": PASSES} for system in systems}
    return item


def _marks(output: str, spans: Sequence[Json]) -> list[Json]:
    """Errors in Pearmut's form, none over another: of several things missing the worst."""
    marks: list[Json] = []
    for span in sorted(spans, key=lambda one: -SEVERITIES.index(one["severity"])):
        mark = to_pearmut(output, span)
        if all(mark["end_i"] < one["start_i"] or mark["start_i"] > one["end_i"] for one in marks):
            marks.append(mark)
    return marks
