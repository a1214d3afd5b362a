"""Parameters and bytes of a model folder, without loading it."""

import math
import struct
from pathlib import Path
from typing import Any, Final

from parley.pipeline.errors import InputError
from parley.pipeline.manifest import NAME as MANIFEST
from parley.pipeline.manifest import read_manifest
from parley.reading.json_lines import json_object

LONGEST_HEADER: Final = 100_000_000  # bytes, as safetensors itself bounds it


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
            header = json_object(file.read(min(size, LONGEST_HEADER)).decode(), f"header of {path}")
    except (OSError, UnicodeDecodeError, struct.error) as error:
        raise InputError(f"{path}: not a readable safetensors file") from error
    return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
