"""Files and folders are whole or absent."""

import errno
import os
from pathlib import Path

import pytest

from parley.pipeline import atomic
from parley.pipeline.atomic import raise_if_full, remove_drafts, replacing, write_json, write_last, write_text
from parley.pipeline.errors import InputError


def test_writes_whole_files_and_makes_folders(tmp_path: Path) -> None:
    write_text(tmp_path / "new/place/a.txt", "žluťoučký")
    assert (tmp_path / "new/place/a.txt").read_text(encoding="utf-8") == "žluťoučký"
    assert [path.name for path in (tmp_path / "new/place").iterdir()] == ["a.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail_half_way() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_says_that_a_folder_is_whole_is_named_after_all_of_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def flushed(descriptor: int) -> None:
        done.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def named(old: Path, new: Path) -> None:
        done.append(f"named {new.name}")
        replace(old, new)

    (tmp_path / "in").mkdir()
    (tmp_path / "in/weights").write_text("x")
    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", named)
    write_last(tmp_path / "result.json", {})
    assert done.index("named result.json") == len(done) - 1
    assert {"weights", "in", tmp_path.name} < set(done)
    assert done[-2].startswith(".result.json.")


def test_a_folder_replaces_a_folder(tmp_path: Path) -> None:
    for number in (1, 2):
        with replacing(tmp_path / "pairs") as temporary:
            temporary.mkdir()
            (temporary / f"{number}.html").write_text("x")
    assert [path.name for path in (tmp_path / "pairs").iterdir()] == ["2.html"]


def test_killed_while_a_folder_replaces_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old folder is never seen half removed under its name."""
    place, seen = tmp_path / "pairs", []

    def removing(path: Path) -> None:
        seen.append(place.exists() and sorted(file.name for file in place.iterdir()))

    place.mkdir()
    (place / "old.html").touch()
    monkeypatch.setattr(atomic.shutil, "rmtree", lambda path, **_: removing(path))
    with replacing(place) as temporary:
        temporary.mkdir()
        (temporary / "new.html").touch()
    assert seen
    assert all(names == ["new.html"] for names in seen)


def test_not_a_number_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"chrf": float("nan")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("I/O error: No space left on device (os error 28)"),  # as safetensors reports it
        OSError("1009 requested and 496 written"),  # as NumPy does
    ],
)
def test_a_full_disk_is_one_clear_line(error: Exception, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the disk is full: cannot write .*a\.txt"), replacing(tmp_path / "a.txt"):
        raise error


def test_other_errors_pass(tmp_path: Path) -> None:
    raise_if_full(OSError(errno.EACCES, "Permission denied"), tmp_path)


def test_all_of_a_folder_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    sync, rename = os.fsync, os.replace

    def noted_sync(descriptor: int) -> None:
        calls.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        sync(descriptor)

    def noted_rename(source: Path, target: Path) -> None:
        calls.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_rename)
    with replacing(tmp_path / "model") as draft:
        (draft / "lists").mkdir(parents=True)
        (draft / "lists/de.bin").write_text("x")
        (draft / "gone").symlink_to(tmp_path / "nowhere")
    assert calls == ["de.bin", "lists", draft.name, "rename"]


def test_drafts_of_killed_processes_are_removed(tmp_path: Path) -> None:
    for name in (".a.txt.17.tmp", "in/.b.17.tmp", "a.txt", ".hidden", "a.tmp"):
        write_text(tmp_path / name, "x")
    (tmp_path / ".pairs.18.tmp/deep").mkdir(parents=True)
    remove_drafts(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".b.17.tmp", ".hidden", "a.tmp", "a.txt", "in"]
    remove_drafts(tmp_path, "**/*")
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".hidden", "a.tmp", "a.txt", "in"]
