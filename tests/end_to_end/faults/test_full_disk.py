"""The disk fills up, again and again: one line each time, and with more space the files of an undisturbed run.

Needs root, for a file system of a given size; `make test-faults`.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.faults.fault_run import contents, different, run

FIRST, GROWTH = 200, 1.5  # kB of the disk


def size(place: Path, kilobytes: int, *more: str) -> None:
    options = ",".join((*more, f"size={kilobytes}k"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)


@pytest.mark.faults
@pytest.mark.timeout(0)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_disk_that_fills_up_again_and_again(tmp_path: Path) -> None:
    (disk := tmp_path / "disk").mkdir()
    kilobytes = FIRST
    size(disk, kilobytes)
    try:
        failed = 0
        while (tried := run(disk, all_rooms=False)).returncode:
            failed += 1
            told = [line for line in tried.stderr.splitlines() if "error" in line.lower()]
            assert tried.returncode == 1
            assert len(told) == 1, tried.stderr
            assert "the disk is full" in told[0]
            kilobytes = int(kilobytes * GROWTH)
            size(disk, kilobytes, "remount")
        assert failed >= 3
        assert run(tmp_path / "whole", all_rooms=False).returncode == 0
        assert different(contents(disk), contents(tmp_path / "whole")) == []
    finally:
        subprocess.run(["umount", disk], check=True)
