"""COMET beside this environment: `unbabel-comet` pins packages too old for it, so it is another process over a file.

`make comet-env` builds that environment in `.venv-comet`. A checkpoint is `.../checkpoints/model.ckpt` with its
`hparams.yaml` one folder up, as `unbabel-comet` saves it; its encoder must be on this machine, nothing is downloaded.
"""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from parley.metrics.metric import MeanMetric, Translations
from parley.metrics.registry import metric
from parley.pipeline.errors import InputError

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = ROOT / ".venv-comet" / "bin" / "python"
WORKER: Final = Path(__file__).with_name("comet_worker.py")


@metric
class Comet(MeanMetric):
    """COMET as `scripts/score_comet.py` put it beside the outputs."""

    name = "comet"
    label = "COMET"
    digits = 4

    def values(self, texts: Translations) -> list[float]:
        """Raises InputError: they are made by the script alone, which knows a checkpoint."""
        raise InputError("no COMET scores are stored with these outputs; make them with scripts/score_comet.py")


def score_comet(
    sources: Sequence[str],
    hypotheses: Sequence[str],
    references: Sequence[str],
    checkpoint: Path,
    python: Path = PYTHON,
    batch_size: int = 32,
    gpus: int = 0,
) -> list[float]:
    """COMET scores of [N] translations, in the scale of the checkpoint.

    Args:
        checkpoint: model.ckpt.
        python: interpreter of the environment that has `unbabel-comet`.

    Raises:
        InputError: no such environment or checkpoint, or the process failed; with its last line.
    """
    if not python.exists():
        raise InputError(f"{python}: no environment for COMET; make it with `make comet-env`")
    if not checkpoint.is_file() or not (checkpoint.parents[1] / "hparams.yaml").is_file():
        raise InputError(f"{checkpoint}: no COMET checkpoint (model.ckpt with hparams.yaml one folder up)")
    if not sources:
        return []
    columns = zip(sources, hypotheses, references, strict=True)
    lines = [json.dumps(dict(zip(("src", "mt", "ref"), row, strict=True)), ensure_ascii=False) for row in columns]
    with tempfile.TemporaryDirectory(prefix="comet-") as folder:
        given, found = Path(folder) / "input.jsonl", Path(folder) / "scores.json"
        given.write_text("\n".join(lines) + "\n", encoding="utf-8")
        # -P: the folder of the worker would hide packages that COMET imports
        command = [python, "-P", WORKER, checkpoint.resolve(), given, found, batch_size, gpus]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=folder, check=False)
        if done.returncode or not found.is_file():
            last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "it wrote no scores")
            raise InputError(f"COMET failed on {checkpoint}: {last.strip()}")
        scores = json.loads(found.read_text(encoding="utf-8"))["scores"]
    if len(scores) != len(sources):
        raise InputError(f"COMET gave {len(scores)} scores for {len(sources)} messages")
    return [float(score) for score in scores]
