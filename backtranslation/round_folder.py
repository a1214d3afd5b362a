"""What stands in a round's folder besides its model, whether the loop ends there, and a model passed on unchanged."""

import json
from pathlib import Path
from typing import Any, Final

from parley.pipeline.atomic import link_or_copy
from parley.pipeline.errors import InputError
from parley.pipeline.manifest import LOG
from parley.pipeline.manifest import NAME as MANIFEST
from training.batches.one_way import SYNTHETIC

ROUND: Final = "round.json"
_OF_THE_STAGE: Final = ("dev_", "rejected_")  # what its own stage wrote beside the model


def pass_on(model: Path, out: Path) -> None:
    """Put a model's files, and the rows that it learnt from, into another folder, as hard links where the disk can."""
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(model.iterdir()):
        own = path.name in (MANIFEST, LOG, ROUND) or path.name.startswith(_OF_THE_STAGE)
        if path.is_file() and not own and not (out / path.name).exists():
            link_or_copy(path, out / path.name)
    if (model / SYNTHETIC).is_dir():
        pass_on(model / SYNTHETIC, out / SYNTHETIC)


def read_round(folder: Path) -> dict[str, Any]:
    """What a finished round says of itself.

    Raises:
        InputError: it does not.
    """
    try:
        facts: dict[str, Any] = json.loads((folder / ROUND).read_text(encoding="utf-8"))
        return facts
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / ROUND}: not readable as JSON ({error})") from error


def stopped(model: Path) -> bool:
    """Whether the folder is of a round that was not adopted: nothing comes after it."""
    return (model / ROUND).is_file() and not read_round(model)["adopted"]
