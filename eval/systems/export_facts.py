"""What the folder of an export says of one of its forms: size, eight bits, and how far they are from the float model.

Read from `exports.json`, which whoever exports a model writes beside it.
"""

import json
from pathlib import Path
from typing import Any, Final

from parley.pipeline.errors import InputError

FILE: Final = "exports.json"
_OF_FORM: Final = ("weights", "activations", "kept_in_float", "changed_by_batch_mates")
_OF_PARITY: Final = ("messages", "same", "differing")
Json = dict[str, Any]


def exported_form(folder: Path, form: str) -> tuple[Json, Json]:
    """Size of a form (`params`, `bytes`), and what the report tells of its quantization, `layers` among it.

    Raises:
        InputError: no such file, or no such form in it.
    """
    path = folder / FILE
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        found = facts["forms"][form]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: tells of no form '{form}'") from error
    size = {"params": facts.get("params"), "active_params": facts.get("params"), "bytes": found.get("bytes")}
    told: Json = {"engine": form} | {key: found[key] for key in _OF_FORM if key in found}
    parity = {key: found["parity"][key] for key in _OF_PARITY if key in found.get("parity", {})}
    told |= ({"parity": parity} if parity else {}) | {"layers": facts.get("layers", [])}
    return {key: value for key, value in size.items() if value is not None}, told
