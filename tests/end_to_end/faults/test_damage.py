"""Files of finished stages are damaged, what read them is run again: named in one line, or no effect.

`make test-faults` is the long form; FAULT_DAMAGES says how many damages.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.end_to_end.faults.fault_run import contents, different, manifests, run

Damage = Callable[[Path, random.Random], None]


def truncate(path: Path, draw: random.Random) -> None:
    os.truncate(path, draw.randrange(path.stat().st_size))


def overwrite(path: Path, draw: random.Random) -> None:
    with path.open("r+b") as file:
        file.seek(max(0, path.stat().st_size // 2 - 256))
        file.write(draw.randbytes(min(512, path.stat().st_size)))


def flip_a_bit(path: Path, draw: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(data)


DAMAGES: Final[tuple[Damage, ...]] = (truncate, overwrite, flip_a_bit)


@dataclass(frozen=True)
class Case:
    """A file that is damaged, by its path in the run, and the stage that is run again because it reads it."""

    file: Path
    damage: Damage
    reader: Path


def cases(root: Path, number: int, seed: int = 1) -> Iterator[Case]:
    """Random files, the stages in turn and the three kinds of damage in turn."""
    draw, known = random.Random(seed), manifests(root)
    read = [
        (folder, reader)
        for folder in known
        for reader, manifest in known.items()
        if folder.name in manifest.inputs.values()
    ]
    draw.shuffle(read)
    for case in range(number):
        folder, reader = read[case % len(read)]
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
        yield Case(draw.choice(files).relative_to(root), DAMAGES[case % 3], reader.relative_to(root))


def named_in_one_line(done: "subprocess.CompletedProcess[str]", case: Case) -> bool:
    """Whether the run ended with one line that names the damaged file and the way out."""
    last = done.stderr.strip().splitlines()[-1]
    named = case.file.name in last and last.startswith("error: ") and "run" in last
    return done.returncode == 1 and named and "Traceback" not in done.stderr


def check(tmp_path: Path, number: int, *, all_rooms: bool) -> None:
    whole, root = tmp_path / "whole", tmp_path / "damaged"
    done = run(whole, all_rooms=all_rooms)
    assert done.returncode == 0, done.stderr
    expected = contents(whole)
    for case in cases(whole, number):
        shutil.copytree(whole, root)
        shutil.rmtree(root / case.reader)
        case.damage(root / case.file, random.Random(number))
        done = run(root, all_rooms=all_rooms)
        assert named_in_one_line(done, case) or _no_effect(done, root, expected), (case, done.stderr)
        shutil.rmtree(root)


def _no_effect(done: "subprocess.CompletedProcess[str]", root: Path, expected: dict[str, Any]) -> bool:
    return done.returncode == 0 and not different(contents(root), expected)


@pytest.mark.slow
def test_three_damages(tmp_path: Path) -> None:
    check(tmp_path, 3, all_rooms=False)


@pytest.mark.faults
@pytest.mark.timeout(0)
def test_many_damages_over_all_rooms(tmp_path: Path) -> None:
    check(tmp_path, int(os.environ.get("FAULT_DAMAGES", "40")), all_rooms=True)
