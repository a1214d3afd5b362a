"""Versions, revision and hardware of a report; configs, seeds and seconds of its stages."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from parley.pipeline.manifest import git_state, hardware, package_versions, read_manifest
from parley.pipeline.secrets import public

Facts = dict[str, Any]


def machine_facts() -> Facts:
    """`versions`, `git` and `hardware` of this process."""
    import sacrebleu

    versions = package_versions() | {"sacrebleu": sacrebleu.__version__}
    return {"versions": versions, "git": git_state(), "hardware": hardware()}


def run_facts(folders: Mapping[str, Path]) -> Facts:
    """Key `run` of a run's report: of this process, and by stage."""
    manifests = {name: read_manifest(folder) for name, folder in folders.items()}
    facts = machine_facts() | {
        "seeds": {key: seed for name, m in manifests.items() for key, seed in _seeds(m.config, name)},
        "seconds": {name: round(m.seconds, 1) for name, m in manifests.items()},
        "finished": {name: m.finished for name, m in manifests.items()},
        "fingerprints": {name: m.fingerprint for name, m in manifests.items()},
        "files": {path: digest for m in manifests.values() for path, digest in m.files.items()},
        "configs": {name: public(m.config) for name, m in manifests.items()},
    }
    if "teacher" in manifests:
        facts["hardware"] = dict(manifests["teacher"].hardware) or facts["hardware"]
    names = {folder.parent.parent.name for folder in folders.values()}
    return ({"name": names.pop()} if len(names) == 1 else {}) | facts


def stage_facts(folder: Path) -> Facts:
    """What a finished stage reported."""
    return dict(read_manifest(folder).facts)


def _seeds(config: Mapping[str, Any], at: str) -> Iterator[tuple[str, int]]:
    """Every key `seed` of a stage's config, nested ones by their dotted path."""
    for key, value in config.items():
        if key == "seed":
            yield at, value
        elif isinstance(value, Mapping):
            yield from _seeds(value, f"{at}.{key}")
