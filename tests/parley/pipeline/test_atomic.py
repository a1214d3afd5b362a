"""Files and folders are whole or absent."""

import errno
from pathlib import Path

import pytest

from parley.pipeline.atomic import raise_if_full, replacing, write_json, write_text
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


def test_a_folder_replaces_a_folder(tmp_path: Path) -> None:
    for number in (1, 2):
        with replacing(tmp_path / "pairs") as temporary:
            temporary.mkdir()
            (temporary / f"{number}.html").write_text("x")
    assert [path.name for path in (tmp_path / "pairs").iterdir()] == ["2.html"]


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
    ],
)
def test_a_full_disk_is_one_clear_line(error: Exception, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the disk is full: cannot write .*a\.txt"), replacing(tmp_path / "a.txt"):
        raise error


def test_other_errors_pass(tmp_path: Path) -> None:
    raise_if_full(OSError(errno.EACCES, "Permission denied"), tmp_path)
