"""`exports.json`: every form of a student with sizes, digests, number types, and how its output compares."""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from parley.pipeline.atomic import write_json

FILE: Final = "exports.json"
EXAMPLES: Final = 20  # differing outputs that are listed in full


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


def compare(
    float_outputs: Sequence[str], outputs: Sequence[str], asked: Sequence[tuple[str, str, str]]
) -> dict[str, Any]:
    """How often two systems say the same, and examples where they do not.

    Args:
        asked: source language, target language, message, for each output.
    """
    differing = [
        {"source": source, "target": target, "message": message, "float": ours, "exported": theirs}
        for (source, target, message), ours, theirs in zip(asked, float_outputs, outputs, strict=True)
        if ours != theirs
    ]
    same = len(outputs) - len(differing)
    return {"messages": len(outputs), "same": same, "differing": len(differing), "examples": differing[:EXAMPLES]}


def package_versions(names: Sequence[str]) -> dict[str, str]:
    """Installed versions of some packages."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write(folder: Path, forms: Mapping[str, Any], **facts: Any) -> None:
    """Write the manifest."""
    write_json(folder / FILE, {"forms": dict(forms), **facts})
