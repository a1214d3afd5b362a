"""`manifest.json`: what a finished stage is and how it came about. Written last, so that its presence means whole."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import xxhash

from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from parley.pipeline.secrets import public

NAME: Final = "manifest.json"
LOG: Final = "stage.log"
SEAL: Final = "seal"  # digest of the rest of the manifest
PACKAGES: Final = ("parley", "torch", "transformers", "tokenizers", "accelerate", "datasets", "numpy", "pyarrow")


@dataclass(frozen=True)
class Manifest:
    """Facts of one finished stage.

    Attributes:
        config: the stage's whole config, transient fields included.
        inputs: fingerprint of each input stage.
        files: content digest of each outside file.
        facts: what the stage itself reported.
        seconds: wall clock of the attempt that finished.
        attempts: how many times the stage was started.
        finished: UTC time, ISO 8601.
        versions: Python and packages.
        git: revision of the code, and whether it had changes.
        hardware: processor, cores, memory and accelerators.
        contents: digest of each file that the stage wrote; empty in manifests that are older than digests.
    """

    stage: str
    version: int
    fingerprint: str
    config: Mapping[str, Any]
    inputs: Mapping[str, str]
    files: Mapping[str, str]
    facts: Mapping[str, Any]
    seconds: float
    attempts: int
    finished: str
    versions: Mapping[str, str] = field(default_factory=lambda: package_versions())
    git: Mapping[str, Any] = field(default_factory=lambda: git_state())
    hardware: Mapping[str, Any] = field(default_factory=lambda: hardware())
    contents: Mapping[str, str] = field(default_factory=dict)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into the folder, secrets hidden, sealed by a digest of its own.

    Raises:
        InputError: the disk is full.
        TypeError, ValueError: the facts are not plain JSON values; the stage has a bug.
    """
    told = {**public(asdict(manifest)), "contents": dict(manifest.contents)}  # digests, whatever the files are called
    values = json.loads(json.dumps(told))  # as it will be read: keys that are texts, lists
    write_json(folder / NAME, {**values, SEAL: _seal(values)})


def read_manifest(folder: Path) -> Manifest:
    """Read a finished stage's manifest.

    Raises:
        InputError: no manifest there, one that is damaged, or not one of this project.
    """
    path = folder / NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.pop(SEAL, None) not in (None, _seal(values)):
            raise ValueError("it is damaged")
        return Manifest(**values)
    except FileNotFoundError as error:
        raise InputError(f"no {NAME} in {folder}: not a finished stage") from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"cannot read {path}: {error}; remove {folder} and run again") from error


def package_versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Versions of Python and of packages, those that results depend on, read without importing them."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def git_state() -> dict[str, Any]:
    """Revision of the code that runs; empty outside a git checkout."""
    here = Path(__file__).resolve().parents[2]
    try:
        revision = _git(here, "rev-parse", "HEAD").strip()
        return {"revision": revision, "changed": bool(_git(here, "status", "--porcelain", "-uno").strip())}
    except (OSError, subprocess.SubprocessError):
        return {}


def hardware() -> dict[str, Any]:
    """Processor, cores this process may use, memory in GB, accelerators when torch is loaded."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    facts = {"processor": _processor(), "cores": len(os.sched_getaffinity(0)), "memory_gb": round(memory, 1)}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        facts["accelerators"] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return facts


def _seal(values: Mapping[str, Any]) -> str:
    return xxhash.xxh3_128(json.dumps(values, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
