"""The power fails: images of the disk, taken while a run goes on, hold no finished stage that is not whole.

Needs root, for a file system in a file; `make test-faults`. FAULT_CUTS says how many images.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parley.pipeline.contents import check_contents
from tests.end_to_end.faults.fault_run import ROOT, command, contents, different, manifests, run


@contextmanager
def mounted(image: Path) -> Iterator[Path]:
    """The file system of an image, its journal replayed as after a power cut."""
    place = image.with_suffix("")
    place.mkdir()
    found = subprocess.run(["mount", "-o", "loop", image, place], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(f"no loop device: {found.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def copied(image: Path, other: Path) -> Path:
    subprocess.run(["cp", "--sparse=always", image, other], check=True)
    return other


@pytest.mark.faults
@pytest.mark.timeout(0)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_what_counts_as_finished_is_whole_after_a_power_cut(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    subprocess.run(["truncate", "-s", "600M", image], check=True)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    images: list[Path] = []
    with mounted(image) as disk:
        process = subprocess.Popen(command(disk, all_rooms=True), cwd=ROOT, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            time.sleep(5)
            images.append(copied(image, tmp_path / f"cut-{len(images)}.img"))
        assert process.returncode == 0
        expected = contents(disk)
    finished = []
    for cut in images[:: max(1, len(images) // int(os.environ.get("FAULT_CUTS", "12")))]:
        with mounted(cut) as place:
            for folder in manifests(place):
                check_contents(folder)
            finished.append(len(manifests(place)))
            if len(finished) % 4 == 2:  # and the same command goes on from there
                assert run(place, all_rooms=True).returncode == 0
                assert different(contents(place), expected) == []
    assert max(finished) > min(finished)
