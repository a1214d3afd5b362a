"""The generated stage of the tests' round as a program for `torchrun`: CORPUS, TEACHER, FOLDER OF THE RUN."""

import sys
from pathlib import Path

from parley.pipeline.executors.serial import InProcess
from parley.pipeline.runner import run_stages
from tests.backtranslation.test_synthetic import FolderStage, made

if __name__ == "__main__":
    corpus, teacher, root = (Path(argument) for argument in sys.argv[1:])
    stages = {"corpus": FolderStage("corpus", corpus), "model": FolderStage("teacher", teacher)}
    run_stages([made(stages).inputs["generated"]], root / "run", InProcess())
