"""JSON Lines: a line holds one object."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from parley.pipeline.errors import InputError
from parley.reading.lines import read_lines

_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")  # an escape of half a character beyond U+FFFF


def read_objects(path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, dict[str, Any]]]:
    """The object of each line with the line's number; blank lines are skipped.

    Raises:
        InputError: unreadable file, or a line that is not an object.
    """
    for number, line in enumerate(read_lines(path, encoding), 1):
        if line.strip():
            yield number, json_object(line, f"{path}: line {number}")


def json_object(line: str, where: str) -> dict[str, Any]:
    """The object in a line; half a character becomes U+FFFD.

    Args:
        where: the line's name in errors, such as `file.jsonl: line 7`.

    Raises:
        InputError: not JSON, or something else than an object.
    """
    try:
        found = json.loads(line)
        found = _whole(found) if _HALF.search(line) else found
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{where}: not a JSON object")
    return found


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole(key): _whole(inner) for key, inner in value.items()}
    return list(map(_whole, value)) if isinstance(value, list) else value
