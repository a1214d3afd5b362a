"""Promotion: `runs/<name>/promoted.json` says which report a run ships by. Gates hold every new report against it.

decide_report  gates, comparison and findings of a finished report, shown in the published one
promote        the report becomes the one that later ones are compared with; the one before is remembered
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from eval.evidence import REPORT, Evidence, load_evidence
from eval.gates.config import GatesConfig
from eval.gates.decision import Decision, decide
from eval.gates.outcomes import leading_mean, shipped_system
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from parley.pipeline.registry import now

POINTER: Final = "promoted.json"
JUDGED: Final = "judged.json"


def read_promoted(run_dir: Path) -> dict[str, Any] | None:
    """What is promoted in a run: report, name, system, stages, promoted (UTC), previous; None where nothing is.

    Raises:
        InputError: the file is not readable.
    """
    path = run_dir / POINTER
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        found["stages"] = {str(stage): str(fingerprint) for stage, fingerprint in found.get("stages", {}).items()}
        assert isinstance(found["report"], str)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise InputError(f"{path}: not a promotion ({error}); remove the file to begin anew") from error
    return dict(found)


def baselines_of(run_dir: Path, report: str) -> list[tuple[Evidence, dict[str, Any]]]:
    """What a report is compared with: the last promoted evaluation, and the best so far where that is another.

    A report that is promoted itself is compared with those before, so that judging it again changes nothing.

    Args:
        report: fingerprint of the report that is judged.

    Returns:
        Each with what the report says of it; nothing where nothing is promoted.

    Raises:
        InputError: a promoted report is gone.
    """
    found = []
    for pointer in _pointers(run_dir, report):
        folder = run_dir / "report" / pointer["report"]
        if not (folder / REPORT).is_file():
            raise InputError(f"{run_dir / POINTER} names {folder}, which is gone; restore it, or remove the file")
        facts = {key: pointer.get(key) for key in ("name", "report", "promoted", "system")}
        found.append((load_evidence(folder, run_dir.name), facts))
    return found


def decide_report(run_dir: Path, report: Path, config: GatesConfig) -> Decision:
    """Hold the gates against a finished report and show the decision in the published one, `runs/<name>/report/`.

    Args:
        report: finished folder of the report stage; it is not changed.

    Raises:
        InputError: no report there, or the promoted one is gone.
    """
    from eval.report.pages.site import render_folder

    evidence = load_evidence(report, run_dir.name)
    decision = decide(evidence, config, baselines_of(run_dir, report.name))
    write_json(report.parent / REPORT, decision.add_to(evidence.report))
    render_folder(report.parent)
    state = _state(run_dir, report, config) | {"passed": not decision.failed, "judged": now()}
    write_json(run_dir / JUDGED, state)
    return decision


def forget_decision(run_dir: Path) -> None:
    """Have the report judged again."""
    (run_dir / JUDGED).unlink(missing_ok=True)


def is_decided(run_dir: Path, report: Path, config: GatesConfig) -> bool:
    """Whether a report was judged by these gates, against what it is to be compared with, and promoted if it passed."""
    try:
        last = json.loads((run_dir / JUDGED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    state = _state(run_dir, report, config)
    pointer = read_promoted(run_dir)
    judged = {key: last.get(key) for key in state} == state
    return judged and (not last.get("passed") or (pointer is not None and pointer["report"] == report.name))


def promote(run_dir: Path, report: Path) -> bool:
    """Make a report the promoted one; False when it is already.

    Raises:
        InputError: no report there.
    """
    before = read_promoted(run_dir)
    if before is not None and before["report"] == report.name:
        return False
    evidence = load_evidence(report, run_dir.name)
    pointer = {
        "name": evidence.name,
        "report": report.name,
        "system": shipped_system(evidence),
        "stages": dict(evidence.report.get("run", {}).get("fingerprints", {})),
        "promoted": now(),
        "previous": {key: value for key, value in before.items() if key != "previous"} if before else None,
    }
    pointer["best"] = _better(pointer | {"mean": leading_mean(evidence)}, before)
    write_json(run_dir / POINTER, pointer)
    return True


def _better(new: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """The best promoted so far, by the leading metric's mean."""
    best = before.get("best") if before else None
    chosen = best if best is not None and best["mean"] > new["mean"] else new
    return {key: chosen[key] for key in ("name", "report", "system", "promoted", "mean")}


def _pointers(run_dir: Path, report: str) -> list[Mapping[str, Any]]:
    """The last promoted and, where that is another, the best; before `report`, if that is promoted itself."""
    last: Mapping[str, Any] | None = read_promoted(run_dir)
    if last is not None and last["report"] == report:
        last = last.get("previous")
    if last is None:
        return []
    best = last.get("best") or last
    return [last] if best["report"] in (last["report"], report) else [last, best]


def _state(run_dir: Path, report: Path, config: GatesConfig) -> dict[str, Any]:
    """What a decision depends on."""
    against = [pointer["report"] for pointer in _pointers(run_dir, report.name)]
    gates = hashlib.sha256(json.dumps([dict(config.rules), config.strict], sort_keys=True).encode()).hexdigest()[:16]
    return {"report": report.name, "against": against, "gates": gates}
