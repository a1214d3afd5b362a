"""Let people judge a pair of a report: write a campaign for Pearmut, or read its annotations back (docs/campaign.md).

python scripts/campaign.py report=runs/demo/report pair=fr-th
python scripts/campaign.py report=runs/demo/report read=annotations.json
"""

import json
from dataclasses import dataclass
from pathlib import Path

from parley.config.command_line import argument, run


@dataclass(frozen=True)
class Arguments:
    """Arguments of the command line."""

    report: str = argument("folder of a report, or of a run")
    pair: str = argument("direction that is to be judged, such as fr-th", default="")
    read: str = argument("instead: annotations, .json from Pearmut's dashboard or its own .jsonl", default="")
    out: str = argument("file that is written; empty: campaign-PAIR.json or people.jsonl", default="")
    system: list[str] = argument("systems that stand side by side; all of the report", default=[])
    messages: int = argument("half random, half the worst by QE; checks come on top", default=40)
    raters: int = argument("people who judge the same messages", default=1)
    prefill: bool = argument("mark the errors that QE saw; without, people are not led by it", default=True)
    seed: int = argument("of the choice of messages", default=1)


def main(arguments: Arguments) -> None:
    """Write a campaign, or read its annotations.

    Raises:
        InputError: neither or both are asked for, no such report, or nothing that fits it.
    """
    from parley.pipeline.errors import InputError

    if bool(arguments.pair) == bool(arguments.read):
        raise InputError("give pair=... for a campaign, or read=... to read its annotations (see --help)")
    (read if arguments.read else write)(arguments)


def write(arguments: Arguments) -> None:
    """Write a campaign for one pair."""
    from eval.campaign.campaign import campaign
    from eval.campaign.messages import digest, draw, read_messages
    from parley.languages.table import pair
    from parley.pipeline.atomic import write_json
    from parley.pipeline.errors import InputError

    if arguments.messages < 1 or not 1 <= arguments.raters <= 100:
        raise InputError(f"messages={arguments.messages} raters={arguments.raters}: at least 1, and 100 raters at most")
    pair(arguments.pair)
    messages = read_messages(Path(arguments.report), arguments.pair)
    known = list(dict.fromkeys(system for message in messages.values() for system in message.outputs))
    systems = arguments.system or known
    shared = [message for message in messages.values() if message.outputs.keys() >= {*systems}]
    if not shared:
        told = f"system={','.join(systems)}: {', '.join(known)} have messages" if known else "no outputs"
        raise InputError(f"{arguments.report}: {told} in {arguments.pair}")
    drawn = draw(shared, arguments.messages, arguments.seed)
    settings = digest(messages), arguments.raters, arguments.prefill
    out = Path(arguments.out or f"campaign-{arguments.pair}.json")
    write_json(out, campaign(arguments.pair, drawn, systems, *settings))
    mix = ", ".join(f"{[kind for kind, _ in drawn].count(kind)} {kind}" for kind in ("random", "worst", "check"))
    print(f"{out}: {mix}; next: pearmut add {out} && pearmut run")


def read(arguments: Arguments) -> None:
    """Read annotations back."""
    from eval.campaign.answers import read_answers
    from parley.pipeline.atomic import write_text
    from parley.pipeline.progress import say

    answers = read_answers(Path(arguments.read), Path(arguments.report))
    for complaint in answers.complaints():
        say(complaint)
    out = Path(arguments.out or "people.jsonl")
    write_text(out, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in answers.rows))
    source = f"{{people:{{file:{out},form:campaign,style:spans}}}}"
    print(f"{out}: {len(answers.rows)} judgements; next: qe_data.sources={source}")


if __name__ == "__main__":
    run(main, Arguments)
