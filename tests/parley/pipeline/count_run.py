"""A run in a process of its own: `python -m tests.parley.pipeline.count_run RUN_DIR STEPS DELAY`."""

import signal
import sys
from pathlib import Path

from parley.pipeline.executors.serial import InProcess
from parley.pipeline.runner import run_stages
from tests.parley.pipeline.example_stages import Count, CountConfig

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run in the background would have it ignored
    run_dir, steps, delay = sys.argv[1:]
    run_stages([Count(CountConfig(steps=int(steps), delay=float(delay)))], Path(run_dir), InProcess())
