"""Which model a name on the command line or in a config stands for.

runs/<name>            the promoted model of the run, else the newest one
runs/<name>/<stage>    the stage's promoted artifact, else its newest one
anything else          itself
"""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, NamedTuple

from eval.gates.promotions import POINTER, Promotion, read_promotions
from parley.pipeline.errors import InputError
from parley.pipeline.newest import artifacts, newest_artifact
from parley.pipeline.progress import say

TRANSLATES: Final = ("teacher", "round_*", "student")  # stages whose folders are models; rounds hold the better one
ESTIMATES: Final = ("qe",)
STUDENT: Final = "student"


class NamedModel(NamedTuple):
    """A model's folder or file, and why it was taken; empty where it was named itself."""

    path: Path
    reason: str


def named_model(path: Path, stages: Sequence[str] = TRANSLATES) -> NamedModel:
    """The model that a path stands for.

    Of a promoted `student_int8` it is the student in full precision; `distillation.runtime` opens the exports.

    Args:
        stages: patterns of the stages that are looked at in the folder of a run.

    Raises:
        InputError: promoted.json is unreadable, or names what is gone.
    """
    of_stage = bool(artifacts(path))
    run_dir = path.resolve().parent if of_stage else path
    stages = [path.resolve().name] if of_stage else stages
    folders = [path] if of_stage else [folder for folder in sorted(path.glob("*")) if _is_one(folder.name, stages)]
    if promoted := _promoted(run_dir, stages):
        return promoted
    chosen = newest_artifact(*folders) if folders else path
    return NamedModel(chosen, "the newest" if chosen not in (path, *folders) else "")


def told_model(path: str, stages: Sequence[str] = TRANSLATES) -> Path:
    """As `named_model`; says on stderr which one it took, and why."""
    model, reason = named_model(Path(path), stages)
    if reason:
        say(f"model: {model} ({reason})")
    return model


def _promoted(run_dir: Path, stages: Sequence[str]) -> NamedModel | None:
    promotions = read_promotions(run_dir)
    if promotions is None or (stage := _promoted_stage(promotions.now, stages)) is None:
        return None
    folder = run_dir / stage / promotions.now.stages[stage]
    if folder not in artifacts(folder.parent):
        raise InputError(f"{run_dir / POINTER} names {folder}, which is gone; restore it, or remove the file")
    return NamedModel(folder, f"promoted as {promotions.now.system}" if len(stages) > 1 else "promoted")


def _promoted_stage(promotion: Promotion, stages: Sequence[str]) -> str | None:
    """The stage of the system that ships: the student, or the last of the teacher and its rounds."""
    known = [name for name in promotion.stages if _is_one(name, stages)]
    if STUDENT in known and len(known) > 1:
        ships = promotion.system.startswith(STUDENT)
        known = [name for name in known if (name == STUDENT) == ships]
    return known[-1] if known else None


def _is_one(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)
