"""`runs/<name>/judged.json`: what the gates said of each report, and which of these decisions is shown."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from eval.gates.config import GatesConfig
from eval.gates.outcomes import failed
from eval.gates.promotions import Promotions
from parley.pipeline.atomic import write_json

JUDGED: Final = "judged.json"
_SHOWN: Final = "shown"
_REPORTS: Final = "reports"


@dataclass(frozen=True)
class Judgement:
    """What a decision rests on, and what it is.

    Attributes:
        against: reports of the promotions that it was compared with.
        gates: digest of the rules.
        outcomes: key `gates` of report.json.
        judged: UTC time, ISO 8601.
    """

    against: Sequence[str]
    gates: str
    outcomes: Sequence[dict[str, Any]] = ()
    judged: str = ""

    @property
    def failed(self) -> list[str]:
        """Names of the gates that did not hold."""
        return [gate["name"] for gate in failed(self.outcomes)]

    def rests_on(self, other: "Judgement") -> bool:
        """Whether the other one would come to the same."""
        return (list(self.against), self.gates) == (list(other.against), other.gates)


def ground(promotions: Promotions | None, report: str, config: GatesConfig) -> Judgement:
    """What a decision about a report rests on now; without a decision."""
    against = [each.report for each in promotions.compared_with(report)] if promotions else []
    rules = json.dumps([dict(config.rules), config.strict], sort_keys=True)
    return Judgement(against, hashlib.sha256(rules.encode()).hexdigest()[:16])


def judgements(run_dir: Path) -> dict[str, Judgement]:
    """The last decision about each report; what cannot be read is judged again."""
    try:
        return {report: Judgement(**values) for report, values in _read(run_dir)[_REPORTS].items()}
    except (KeyError, TypeError, AttributeError):
        return {}


def shown(run_dir: Path) -> str:
    """The report whose decision is in the published one; empty where there is none."""
    return str(_read(run_dir).get(_SHOWN, ""))


def note(run_dir: Path, report: str, judgement: Judgement) -> None:
    """Keep a decision that is shown now."""
    known = {name: asdict(each) for name, each in judgements(run_dir).items()}
    write_json(run_dir / JUDGED, {_SHOWN: report, _REPORTS: known | {report: asdict(judgement)}})


def forget_decision(run_dir: Path) -> None:
    """Have the report that is published next judged again."""
    if found := _read(run_dir):
        write_json(run_dir / JUDGED, found | {_SHOWN: ""})


def _read(run_dir: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((run_dir / JUDGED).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}
