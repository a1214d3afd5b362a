"""What the shards of the example stages noted of themselves."""

import json
from pathlib import Path
from typing import Any


def marks_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Notes by shard and attempt; a note that is being written is left out."""
    return {path.name: json.loads(text) for path in folder.glob("0*-*") if (text := path.read_text())}
