"""`exports.json`: an export's forms by engine, the one to ship first: sizes, digests, number types, parity."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from parley.pipeline.atomic import write_json

FILE: Final = "exports.json"


def describe_files(folder: Path) -> list[dict[str, Any]]:
    """Path, bytes and digest of every file below a folder; hard links to one file are counted once, as `same_as`."""
    found: list[dict[str, Any]] = []
    seen: dict[tuple[int, int], str] = {}
    for path in sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda p: (len(p.parts), str(p))):
        name, stat = str(path.relative_to(folder)), path.stat()
        key = (stat.st_dev, stat.st_ino)
        if key in seen:
            found.append({"path": name, "same_as": seen[key]})
            continue
        seen[key] = name
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        found.append({"path": name, "bytes": stat.st_size, "sha256": digest})
    return found


def total_bytes(files: Sequence[Mapping[str, Any]]) -> int:
    """Bytes on disk."""
    return sum(int(entry.get("bytes", 0)) for entry in files)


def write(folder: Path, forms: Mapping[str, Any], **facts: Any) -> None:
    """Write the manifest."""
    write_json(folder / FILE, {"forms": dict(forms), **facts})


def exported_engines(folder: Path) -> list[str]:
    """Names of the engines that an export was made for, the one to ship first; none where it is no export."""
    if not (folder / FILE).is_file():
        return []
    return list(json.loads((folder / FILE).read_text(encoding="utf-8"))["forms"])
