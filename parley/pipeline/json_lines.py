"""JSON Lines: a line holds one object."""

import json
from typing import Any

from parley.pipeline.errors import InputError


def json_object(line: str, where: str) -> dict[str, Any]:
    """The object in a line.

    Args:
        where: the line's name in errors, such as `file.jsonl line 7`.

    Raises:
        InputError: not JSON, or something else than an object.
    """
    try:
        found = json.loads(line)
    except ValueError as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{where}: not a JSON object")
    return found
