"""Promotion: which report, and with it which models, a run ships by. Gates hold every new report against it.

decide_report  gates, comparison and findings of a finished report, shown in the published one
promote        the report becomes the one that later ones are compared with; its models get their cards
roll_back      back to the one before; what is withdrawn is not promoted again but by hand
"""

from dataclasses import replace
from pathlib import Path

from eval.evidence import REPORT, Evidence, load_evidence
from eval.gates.config import GatesConfig
from eval.gates.decision import Decision, decide
from eval.gates.judged import Judgement, ground, judgements, note, shown
from eval.gates.outcomes import leading_mean, shipped_system
from eval.gates.promotions import (
    POINTER,
    Promotion,
    Promotions,
    Withdrawal,
    changing,
    read_promotions,
    write_promotions,
)
from eval.model_card import write_cards
from parley.pipeline.atomic import write_json
from parley.pipeline.contents import check_contents
from parley.pipeline.errors import InputError
from parley.pipeline.manifest import read_manifest
from parley.pipeline.registry import now


def baselines_of(run_dir: Path, report: str) -> list[tuple[Evidence, dict[str, str]]]:
    """The evaluations that a report is compared with (`Promotions.compared_with`), and what the report says of each.

    Raises:
        InputError: a promoted report is gone.
    """
    promotions, found = read_promotions(run_dir), []
    for each in promotions.compared_with(report) if promotions else ():
        folder = run_dir / "report" / each.report
        if not (folder / REPORT).is_file():
            raise InputError(f"{run_dir / POINTER} names {folder}, which is gone; restore it, or remove the file")
        facts = {"name": each.name, "report": each.report, "promoted": each.promoted, "system": each.system}
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
    rests_on = ground(read_promotions(run_dir), report.name, config)
    decision = decide(evidence, config, baselines_of(run_dir, report.name))
    write_json(report.parent / REPORT, decision.add_to(evidence.report))
    render_folder(report.parent)
    note(run_dir, report.name, replace(rests_on, outcomes=decision.gates, judged=now()))
    return decision


def is_decided(run_dir: Path, report: Path, config: GatesConfig) -> bool:
    """Whether a report was judged by these gates, against what it is compared with, and promoted if that is due."""
    promotions, last = read_promotions(run_dir), judgements(run_dir).get(report.name)
    if last is None or shown(run_dir) != report.name or not last.rests_on(ground(promotions, report.name, config)):
        return False
    settled = promotions and (promotions.now.report == report.name or promotions.withdrawal(report.name))
    return bool(last.failed or settled)


def promote(run_dir: Path, report: Path, config: GatesConfig | None = None) -> str:
    """Make a report that passed the promoted one; gives what became of it, as a line for people.

    Args:
        config: of a tick. It promotes what was judged against what is promoted now, and nothing that was withdrawn.

    Raises:
        InputError: the report failed a gate or was not judged, or a file of its models is damaged or gone.
    """
    with changing(run_dir):
        promotions, judgement = read_promotions(run_dir), _passed(run_dir, report)
        if promotions and promotions.now.report == report.name:
            return f"report {report.name} is promoted already"
        if config and promotions and (known := promotions.withdrawal(report.name)):
            return (
                f"report {report.name} was withdrawn {known.withdrawn} ({known.reason}) and is promoted by hand alone"
            )
        if config and not judgement.rests_on(ground(promotions, report.name, config)):
            return f"report {report.name} was judged against another promotion; the next tick judges it again"
        new = _promotion(run_dir, report)
        write_cards(run_dir, new, judgement.outcomes)
        write_promotions(run_dir, promotions.followed_by(new) if promotions else Promotions(new))
    return f"report {report.name} is promoted"


def roll_back(run_dir: Path, reason: str) -> Promotions:
    """Go back to what was promoted before, and note what is withdrawn; returns the new state.

    Raises:
        InputError: nothing was, or a file of its models is damaged or gone.
    """
    with changing(run_dir):
        promotions = read_promotions(run_dir)
        if promotions is None or not promotions.history:
            raise InputError(f"{run_dir.name}: nothing was promoted before; there is no way back")
        state = promotions.without(Withdrawal(promotions.now.report, now(), reason))
        before = state.now
        _check(run_dir, run_dir / "report" / before.report, before)
        if judgement := judgements(run_dir).get(before.report):
            write_cards(run_dir, before, judgement.outcomes)
        write_promotions(run_dir, state)
    return state


def _passed(run_dir: Path, report: Path) -> Judgement:
    found = judgements(run_dir).get(report.name)
    if found is None:
        raise InputError(f"{report} was never judged; run the pipeline with gates on it first")
    if found.failed:
        raise InputError(f"{report} is not promoted: gates failed ({', '.join(found.failed)}); it stays beside")
    return found


def _promotion(run_dir: Path, report: Path) -> Promotion:
    evidence = load_evidence(report, run_dir.name)
    stages = dict(evidence.report.get("run", {}).get("fingerprints", {}))
    mean = leading_mean(evidence) if evidence.systems else None
    new = Promotion(report.name, evidence.name, shipped_system(evidence), stages, now(), mean)
    _check(run_dir, report, new)
    return new


def _check(run_dir: Path, report: Path, promotion: Promotion) -> None:
    """Look whether a report and its models are there, and as their stages left them."""
    models = [run_dir / stage / promotion.stages[stage] for stage in promotion.models.values()]
    for folder in (report, *models):
        read_manifest(folder)
        check_contents(folder)
