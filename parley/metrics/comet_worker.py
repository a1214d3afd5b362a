"""Runs inside the environment of `make comet-env`: texts from a file through a COMET checkpoint, scores into a file.

    python comet_worker.py CHECKPOINT INPUT.jsonl OUTPUT.json BATCH_SIZE GPUS

It imports nothing of this project: that environment has packages too old for it.
"""

import json
import sys
from pathlib import Path


def main(checkpoint: str, source: str, target: str, batch_size: int, gpus: int) -> None:
    """Score every line {"src", "mt", "ref"} and write {"scores", "version"}."""
    from importlib.metadata import version

    from comet import load_from_checkpoint

    rows = [json.loads(line) for line in Path(source).read_text(encoding="utf-8").splitlines()]
    model = load_from_checkpoint(checkpoint, local_files_only=True)
    found = model.predict(rows, batch_size=batch_size, gpus=gpus, num_workers=1, progress_bar=False)
    result = {"scores": [float(score) for score in found["scores"]], "version": version("unbabel-comet")}
    Path(target).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
