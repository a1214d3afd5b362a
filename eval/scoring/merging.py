"""Scores of several evaluations, one per system, as one: what the report shows side by side."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Scores = dict[str, Any]
SCORES_FILE: Final = "scores.json"  # of an evaluation
_BY_SYSTEM: Final = ("systems", "mean", "into", "speed", "quantization", "copy_accuracy", "safety", "terms")


def merge_scores(parts: Sequence[Scores]) -> Scores:
    """Merge the contents of several scores.json; where two tell of one thing, the earlier part is kept.

    Returns:
        The keys of scores.json; `source_detection` is that of the first system that detects languages, with the
        others under its key `systems`.
    """
    merged: Scores = {}
    for key in _BY_SYSTEM:
        if found := _union(part.get(key, {}) for part in parts):
            merged[key] = found
    if pairs := _pairs(parts):
        merged["pairs"] = pairs
    if any("metrics" in part for part in parts):
        merged["metrics"] = _metrics([part["metrics"] for part in parts if "metrics" in part])
    slices = {name: None for part in parts for name in part.get("slices", {})}
    if slices:
        merged["slices"] = {name: _union(part.get("slices", {}).get(name, {}) for part in parts) for name in slices}
    if detections := [part["source_detection"] for part in parts if "source_detection" in part]:
        others = {detection["system"]: detection for detection in detections[1:]}
        merged["source_detection"] = detections[0] | ({"systems": others} if others else {})
    return merged


def _union(mappings: Iterable[Mapping[str, Any]]) -> Scores:
    """All entries, in the order of first appearance."""
    found: Scores = {}
    for mapping in mappings:
        found |= {key: value for key, value in mapping.items() if key not in found}
    return found


def _pairs(parts: Sequence[Mapping[str, Any]]) -> Scores:
    """By direction, in the order of first appearance: the largest n, and the systems of all parts."""
    pairs: Scores = {}
    for part in parts:
        for direction, entry in part.get("pairs", {}).items():
            here = pairs.setdefault(direction, {"n": 0, "systems": {}})
            here["n"] = max(here["n"], entry["n"])
            here["systems"] = _union([here["systems"], entry["systems"]])
    return pairs


def _metrics(found: Sequence[Scores]) -> Scores:
    """Signatures and notes of all parts; the bootstrap of the first."""
    notes = list(dict.fromkeys(note for metrics in found for note in metrics.get("notes", [])))
    return found[0] | {"signatures": _union(metrics.get("signatures", {}) for metrics in found), "notes": notes}
