"""A stage that reads what another wrote looks first whether it is still that."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from parley.pipeline.contents import check_contents
from parley.pipeline.errors import InputError
from parley.pipeline.executors.serial import InProcess
from parley.pipeline.manifest import NAME, read_manifest
from parley.pipeline.runner import run_stages
from parley.pipeline.stage import Shard
from tests.parley.pipeline.example_stages import Count, CountConfig, Join, Part, Squares, SquaresConfig


def count(run_dir: Path) -> Path:
    return run_stages([Count(CountConfig())], run_dir, InProcess())["count"]


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def flip_a_bit_and_set_the_time_back(path: Path) -> None:
    stat = path.stat()
    flip_a_bit(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


DAMAGE = [flip_a_bit, flip_a_bit_and_set_the_time_back, cut, Path.unlink]


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_with_its_stage_and_the_way_out(damage: Callable[[Path], None], tmp_path: Path) -> None:
    folder = count(tmp_path / "r")
    check_contents(folder)
    damage(folder / "step-1")
    with pytest.raises(InputError, match=rf"{folder}/step-1 is (damaged|missing): stage count .*remove {folder} and"):
        run_stages([Join(Part(), {"count": Count(CountConfig())})], tmp_path / "r", InProcess())
    with pytest.raises(InputError, match="step-1"):
        check_contents(folder)


def test_the_way_out_leads_out(tmp_path: Path) -> None:
    folder = count(tmp_path / "r")
    flip_a_bit(folder / "step-1")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    done = run_stages([Join(Part(), {"count": Count(CountConfig())})], tmp_path / "r", InProcess())
    assert done["count"] == folder


def test_a_shard_looks_too(tmp_path: Path) -> None:
    flip_a_bit(count(tmp_path / "r") / "step-0")
    squares = Squares(SquaresConfig(), {"count": Count(CountConfig())})
    with pytest.raises(InputError, match=r"stage squares, shard 0000: .*step-0 is damaged"):
        run_stages([squares], tmp_path / "r", InProcess())


class SquaresOfSteps(Squares):
    """Its shards stand in what it reads."""

    def shards(self, inputs: Mapping[str, Path]) -> list[Shard]:
        if (inputs["count"] / "shown.txt").read_text() != "3 steps":
            raise ValueError("not steps")
        return super().shards(inputs)


def test_shards_told_from_damaged_inputs(tmp_path: Path) -> None:
    folder = count(tmp_path / "r")
    cut(folder / "shown.txt")
    squares = SquaresOfSteps(SquaresConfig(), {"count": Count(CountConfig())})
    with pytest.raises(InputError, match=rf"shown\.txt is damaged: stage count .*remove {folder} and"):
        run_stages([squares], tmp_path / "r", InProcess())


def test_what_is_published_is_sound(tmp_path: Path) -> None:
    flip_a_bit(count(tmp_path / "r") / "shown.txt")
    with pytest.raises(InputError, match=r"shown\.txt is damaged"):
        count(tmp_path / "r")
    assert (tmp_path / "r/count/shown.txt").read_text() == "3 steps"


def test_log_and_added_files_do_not_count(tmp_path: Path) -> None:
    folder = count(tmp_path / "r")
    (folder / "stage.log").write_text("shorter")
    (folder / "notes.txt").write_text("mine")
    check_contents(folder)


@pytest.mark.parametrize("key", ["facts", "contents", "seconds"])
def test_a_changed_manifest_is_damaged(key: str, tmp_path: Path) -> None:
    path = count(tmp_path / "r") / NAME
    path.write_text(path.read_text().replace(f'"{key}"', f'"{key[:-1]}t"'))
    with pytest.raises(InputError, match=r"manifest\.json: it is damaged; remove"):
        read_manifest(path.parent)


def test_artifacts_that_are_older_than_digests_pass(tmp_path: Path) -> None:
    path = count(tmp_path / "r") / NAME
    values = json.loads(path.read_text())
    del values["contents"], values["seal"]
    path.write_text(json.dumps(values))
    flip_a_bit(path.parent / "step-0")
    check_contents(path.parent)


def test_a_folder_inside_a_finished_stage_is_checked_alone(tmp_path: Path) -> None:
    folder = tmp_path / "0123456789abcdef"
    count(tmp_path / "r").rename(folder)
    (folder / "engine").mkdir()
    flip_a_bit(folder / "step-0")
    check_contents(folder / "engine")
    with pytest.raises(InputError, match="step-0"):
        check_contents(folder)
    check_contents(tmp_path)  # no manifest here


def test_all_that_a_stage_wrote_is_on_the_disk_before_it_counts_as_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: set[str] = set()
    sync, rename = os.fsync, os.replace

    def noted_sync(descriptor: int) -> None:
        flushed.add(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    def finished(source: Path, target: Path) -> None:
        if str(source).endswith(".partial"):
            assert flushed >= {str(source), *map(str, Path(source).iterdir())}
        rename(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", finished)
    count(tmp_path / "r")
