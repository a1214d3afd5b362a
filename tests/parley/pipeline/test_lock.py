"""Locks between processes."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from parley.pipeline.lock import HeldError, is_held, locked

HOLD = "import sys, time\nfrom pathlib import Path\nfrom parley.pipeline.lock import locked\n"
HOLD += "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"


def test_file_is_gone_after_use(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with locked(path):
        assert is_held(path)
    assert not path.exists()
    assert not is_held(path)


def test_holders_death_frees_it(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    assert is_held(path)
    with pytest.raises(HeldError), locked(path, wait=False):
        pass
    process.kill()
    process.communicate()
    assert not is_held(path)
    with locked(path, wait=False):
        pass


def test_waiting_threads_take_turns(tmp_path: Path) -> None:
    path, inside, most, waits = tmp_path / "x.lock", [0], [0], [0]

    def work() -> None:
        with locked(path, on_wait=lambda: waits.__setitem__(0, waits[0] + 1)):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.2)
            inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert waits[0] >= 1
