"""What is known of one evaluation: its report and, where they lie beside it, the outputs of its systems."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from eval.scoring.shown_metrics import leading_metric
from eval.stored_outputs import OUTPUTS, DirectionOutputs, StoredOutputs, read_outputs
from parley.metrics.metric import Metric
from parley.metrics.registry import METRICS
from parley.pipeline.errors import InputError

Report = Mapping[str, Any]
REPORT: Final = "report.json"


@dataclass(frozen=True)
class Evidence:
    """A report and the outputs it rests on.

    Attributes:
        report: content of report.json.
        name: for messages: a run's name or a path.
        outputs: None where none are stored.
        metric_name: of the metric that differences are tested with; empty for the report's leading one.
    """

    report: Report
    name: str = "report"
    outputs: StoredOutputs | None = None
    metric_name: str = ""
    _cache: dict[tuple[str, str], DirectionOutputs | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def systems(self) -> list[str]:
        """Names of the systems that have scores."""
        return list(self.report.get("mean", {}))

    @cached_property
    def metric(self) -> Metric:
        """The metric that differences are tested with.

        Raises:
            InputError: no metric of that name.
        """
        return METRICS[self.metric_name or leading_metric(self.report)]

    def pairs(self, system: str) -> dict[str, dict[str, Any]]:
        """Scores of one system by direction."""
        entries = self.report.get("pairs", {}).items()
        return {direction: entry["systems"][system] for direction, entry in entries if system in entry["systems"]}

    def messages(self, system: str, direction: str) -> DirectionOutputs | None:
        """Outputs of one system in one direction; None where none are stored."""
        if self.outputs is None:
            return None
        if (system, direction) not in self._cache:
            self._cache[system, direction] = self.outputs.get(system, direction)
        return self._cache[system, direction]


def load_evidence(path: Path, name: str = "", metric: str = "") -> Evidence:
    """Read a report.json, the folder that holds one, or a run's folder; and the outputs it rests on.

    Outputs are looked for beside the report, and in the run's evaluation stages that the report names.

    Raises:
        InputError: no report there, or one that cannot be read.
    """
    places = [path, path / REPORT, path / "report" / REPORT]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise InputError(f"{path}: no {REPORT} there")
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: not readable as JSON ({error})") from error
    if not isinstance(report, dict) or not isinstance(report.get("pairs"), dict):
        raise InputError(f"{file}: not a report of this project (no key 'pairs')")
    files = outputs_files(file.parent, report)
    title = name or str(report.get("run", {}).get("name") or path)
    return Evidence(report, title, read_outputs(files) if files else None, metric)


def outputs_files(folder: Path, report: Report) -> list[Path]:
    """Files of outputs that belong to the report in `folder`."""
    beside = folder / OUTPUTS
    if beside.is_file():
        return [beside]
    stages = report.get("run", {}).get("fingerprints", {}).items()
    roots = (folder.parent, folder.parent.parent)  # the report may lie in runs/X/report or runs/X/report/FINGERPRINT
    found = [root / stage / fingerprint / OUTPUTS for root in roots for stage, fingerprint in stages]
    return [path for path in found if path.is_file()]
