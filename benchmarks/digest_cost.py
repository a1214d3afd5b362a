"""What the digests of a finished run cost: each stage's own files, and those of the stages that it reads."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parley.config.command_line import argument, run
from parley.pipeline.contents import content_digests
from parley.pipeline.manifest import read_manifest


@dataclass(frozen=True)
class Arguments:
    """Arguments of the command line."""

    run: str = argument("folder of a run, such as runs/demo")
    shortest: float = argument("seconds; stages that took less are left out", default=0.05)


def main(arguments: Arguments) -> None:
    """Print a line for each stage, and the largest share."""
    folders = {path.parent.name: path.parent for path in Path(arguments.run).glob("*/*/manifest.json")}
    shares = []
    for folder in folders.values():
        manifest = read_manifest(folder)
        if manifest.seconds < arguments.shortest:
            continue
        inputs = [folders[fingerprint] for fingerprint in manifest.inputs.values() if fingerprint in folders]
        written, read = _seconds([folder]), _seconds(inputs)
        shares.append((written + read) / manifest.seconds)
        size = _size([folder]) / 1e6, _size(inputs) / 1e6
        print(
            f"{manifest.stage}: {manifest.seconds:.1f} s; writes {size[0]:.1f} MB, digests {written:.4f} s; "
            f"reads {size[1]:.1f} MB, digests {read:.4f} s; {shares[-1]:.2%}"
        )
    print(f"at most {max(shares, default=0.0):.2%} of a stage")


def _seconds(folders: Sequence[Path]) -> float:
    from parley.pipeline import contents

    contents._digest_of.cache_clear()
    started = time.perf_counter()
    for folder in folders:
        content_digests(folder)
    return time.perf_counter() - started


def _size(folders: Sequence[Path]) -> int:
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    run(main, Arguments)
