"""A run of squares in a process of its own: `python -m ...squares_run RUN_DIR JSON CORES`."""

import json
import signal
import sys
from pathlib import Path

from parley.pipeline.executors.config import ExecutorConfig
from parley.pipeline.executors.executor import make_executor
from parley.pipeline.runner import run_stages
from tests.parley.pipeline.example_stages import Squares, SquaresConfig

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run in the background would have it ignored
    run_dir, config, cores = sys.argv[1:]
    executor = make_executor(ExecutorConfig(cores=int(cores)), Path(run_dir) / "jobs")
    run_stages([Squares(SquaresConfig(**json.loads(config)))], Path(run_dir), executor)
