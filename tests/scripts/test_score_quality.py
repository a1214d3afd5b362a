import subprocess
import sys
from pathlib import Path

import pytest

from parley.config.composition import CONFIGS

SCRIPT = CONFIGS.parent / "scripts" / "score_quality.py"


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--help"], 0, "input="),
        (["model=nowhere", "input=a.tsv", "out=b.tsv"], 1, "nowhere: not a model folder"),
        (["model=nowhere", "input=a.tsv"], 1, "missing: out=..."),
    ],
)
def test_the_command_line(words: list[str], code: int, text: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == code
    assert text in done.stdout + done.stderr
