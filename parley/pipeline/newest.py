"""The finished artifacts of a stage, and the newest of them.

Newest is what the run registry saw begin last; what it does not know, as in a copied folder, is older, and goes by
what its manifest says. Times of files do not count: copies and clocks change them.
"""

from collections.abc import Sequence
from pathlib import Path

from parley.pipeline.contents import FINGERPRINT
from parley.pipeline.errors import InputError
from parley.pipeline.manifest import NAME, read_manifest
from parley.pipeline.progress import say
from parley.pipeline.registry import RunRegistry


def artifacts(stage: Path) -> list[Path]:
    """Finished artifacts in a stage's folder `runs/<name>/<stage>`, by fingerprint; empty for any other path."""
    found = sorted(path.parent for path in stage.glob(f"*/{NAME}"))
    return [path for path in found if FINGERPRINT.fullmatch(path.name)]


def newest_artifact(*stages: Path) -> Path:
    """The newest finished artifact in the folders of one run's stages; the first path as it is where there is none.

    Raises:
        InputError: a manifest that is damaged.
    """
    found = [artifact for stage in stages for artifact in artifacts(stage)]
    return by_age(found)[-1] if found else stages[0]


def by_age(found: Sequence[Path]) -> list[Path]:
    """Artifacts of one run, the newest last.

    Raises:
        InputError: a manifest that is damaged.
    """
    if len(found) < 2:
        return list(found)
    begun = _begun(found[0].resolve().parents[1])
    return sorted(found, key=lambda path: (begun.get((path.parent.resolve().name, path.name), 0), _finished(path)))


def _begun(run_dir: Path) -> dict[tuple[str, str], int]:
    """Number of the last attempt that was finished, by stage and fingerprint."""
    try:
        attempts = RunRegistry(run_dir.parent).attempts(run_dir.name)
    except InputError as error:
        say(f"{error}; the manifests tell what is newest")
        return {}
    return {(attempt.stage, attempt.fingerprint): attempt.id for attempt in attempts if attempt.state == "done"}


def _finished(artifact: Path) -> str:
    return read_manifest(artifact).finished
