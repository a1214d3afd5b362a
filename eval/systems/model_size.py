"""Parameters and bytes of a model folder, without loading it."""

import json
import math
import struct
from pathlib import Path
from typing import Any

from parley.pipeline.errors import InputError
from parley.pipeline.manifest import NAME as MANIFEST
from parley.pipeline.manifest import read_manifest


def model_size(folder: Path) -> dict[str, Any]:
    """From the headers of its safetensors files alone; what its stage says goes first.

    Of a CTranslate2 folder only the bytes are known.

    Raises:
        InputError: a file is not safetensors.
    """
    files = sorted(folder.glob("*.safetensors"))
    size: dict[str, Any] = {}
    if files:
        size = {"params": sum(map(_parameters, files)), "bytes": sum(path.stat().st_size for path in files)}
    elif (folder / "model.bin").is_file():
        size = {"bytes": (folder / "model.bin").stat().st_size}
    facts = read_manifest(folder).facts if (folder / MANIFEST).exists() else {}
    return size | {key: facts[key] for key in ("params", "active_params", "bytes") if key in facts}


def _parameters(path: Path) -> int:
    try:
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(size))
    except (OSError, ValueError, struct.error) as error:
        raise InputError(f"{path}: not a readable safetensors file") from error
    return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
