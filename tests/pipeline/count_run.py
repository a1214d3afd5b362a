"""A run in a process of its own: `python -m tests.pipeline.count_run RUN_DIR STEPS DELAY`."""

import sys
from pathlib import Path

from pipeline.executors import InProcess
from pipeline.runner import run_stages
from tests.pipeline.example_stages import Count, CountConfig

if __name__ == "__main__":
    run_dir, steps, delay = sys.argv[1:]
    run_stages([Count(CountConfig(steps=int(steps), delay=float(delay)))], Path(run_dir), InProcess())
