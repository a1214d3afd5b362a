"""What the training of a run goes on from: its promoted teacher, when there is data that this has not seen."""

from pathlib import Path
from typing import Any, NamedTuple

from eval.gates.promotions import read_promotions
from parley.pipeline.fingerprint import LIBRARY, Digests, fingerprints
from parley.pipeline.manifest import read_manifest
from parley.pipeline.stage import Stage
from scripts.run_config import RunConfig


class Start(NamedTuple):
    """What is gone on from.

    Attributes:
        model, seen: stage and fingerprint of the teacher, and of the encoded corpus that it was trained on.
        tokenizer: folder of the stage whose vocabulary is kept.
    """

    model: str
    seen: str
    tokenizer: Path


def continued(config: RunConfig, corpus: Stage[Any]) -> Start | None:
    """Where training goes on; None where it begins anew, as it does until a teacher is promoted.

    A promoted teacher that has seen this very corpus is what training would lead to: it goes on from where that began,
    so that nothing is due.

    Raises:
        InputError: the promoted teacher is gone or damaged.
    """
    run_dir = Path(config.runs_root) / config.name
    promotions = read_promotions(run_dir) if config.continuation else None
    if promotions is None or "teacher" not in promotions.now.models:
        return None
    promoted = promotions.now
    manifest = read_manifest(run_dir / "teacher" / promoted.stages["teacher"])
    tokenizer = run_dir / "tokenizer" / promoted.stages["tokenizer"]
    if manifest.inputs["corpus"] == fingerprints([corpus], Digests(run_dir.parent / LIBRARY))[corpus]:
        if "start" not in manifest.config:
            return None
        return Start(manifest.config["start"], manifest.config["seen"], tokenizer)
    model, seen = (f"{stage}/{promoted.stages[stage]}" for stage in (promoted.models["teacher"], "encoded"))
    return Start(model, seen, tokenizer)
