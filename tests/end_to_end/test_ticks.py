"""Two ticks at once, for real: the second one leaves; the first one is ended and its work is kept."""

import subprocess
import sys
import time
from pathlib import Path

from parley.pipeline.lock import is_held
from tests.end_to_end.toy_run import ROOT, script, toy

PATIENCE = 120  # seconds


def test_the_second_of_two_ticks_leaves(tmp_path: Path) -> None:
    words = [*toy(tmp_path), "training.max_updates=100000", "+tick=true"]
    command = [sys.executable, str(ROOT / "scripts/pipeline.py"), *words]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as first:
        until = time.monotonic() + PATIENCE
        while not is_held(tmp_path / "demo/tick.lock") and time.monotonic() < until and first.poll() is None:
            time.sleep(0.2)
        second = script("pipeline", *words)
        first.terminate()
        first.communicate(timeout=PATIENCE)
    assert (second.returncode, second.stderr) == (0, "demo: another tick holds the lock; nothing to do\n")
    assert first.returncode == 143
    assert not is_held(tmp_path / "demo/tick.lock")
