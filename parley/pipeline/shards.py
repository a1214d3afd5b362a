"""Shards of a stage: each in a folder of its own, absent or whole, merged when all are there.

    <fingerprint>.partial/shards/<name>/       what `run_shard` wrote
    <fingerprint>.partial/shards/<name>.log    what it logged; goes into the stage's log with the merge

A killed stage goes on with the shards that are missing.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from parley.pipeline.atomic import remove, replacing
from parley.pipeline.progress import progress_bar
from parley.pipeline.stage import Shard, Stage

FOLDER: Final = "shards"


def shard_folders(out: Path) -> list[Path]:
    """Folders of the finished shards of a stage that is being filled, in the order of their names."""
    return sorted(path for path in (out / FOLDER).iterdir() if path.is_dir() and not path.name.startswith("."))


def shard_log(shard: Shard, out: Path) -> Path:
    """Where a shard is logged."""
    return out / FOLDER / f"{shard.name}.log"


def missing_shards(shards: Sequence[Shard], out: Path) -> list[Shard]:
    """The shards that are not there yet."""
    return [shard for shard in shards if not (out / FOLDER / shard.name).is_dir()]


def run_one_shard(
    stage: Stage[Any], shard: Shard, out: Path, inputs: Mapping[str, Path], check: Callable[[], None] = lambda: None
) -> None:
    """Run a shard into its folder, unless it is there.

    Args:
        check: called before the folder counts as whole; raises when it must not.
    """
    folder = out / FOLDER / shard.name
    if folder.is_dir():
        return
    with replacing(folder) as temporary:
        remove(temporary)  # a killed process may have had the same number
        temporary.mkdir()
        stage.run_shard(shard, temporary, inputs)
        check()


def merge_shards(stage: Stage[Any], out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
    """Merge the finished shards, which stay until the stage counts; returns its facts."""
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    return stage.merge(out, inputs)


def remove_shards(out: Path) -> None:
    """Remove the shards of a stage that no longer needs them."""
    remove(out / FOLDER)


def run_shards(stage: Stage[Any], out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
    """The shards of a stage that are missing, one after the other in this process, then the merge; the shards stay."""
    shards = stage.shards(inputs)
    with progress_bar(stage.name, len(shards)) as bar:
        bar.advance(len(shards) - len(todo := missing_shards(shards, out)))
        for shard in todo:
            run_one_shard(stage, shard, out, inputs)
            bar.advance()
    return merge_shards(stage, out, inputs)
