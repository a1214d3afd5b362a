"""Each example of docs/extending.md runs and is found where it is looked up."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^## (.+?)\n.*?```python\n(.*?)```", PAGE, re.M | re.S))
CHECKS = {
    "A language": "assert Language('nl', 'Dutch', 'nld_Latn', 'Germanic', 1.1).token == '__nl__'",
    "A source format and a filter": "assert 'subtitles' in SOURCES and 'shouting' in FILTERS",
    "An augmentation": (
        "from random import Random\nfrom parley.corpus.augmentation.registry import Message\n"
        "said = AUGMENTATIONS['greeting'](Message('go', 'va', 'en', 'fr'), Random(1))\n"
        "assert said.source.split()[0] == said.target.split()[0] and said.target.endswith(' va')"
    ),
    "A metric": ("from parley.metrics.registry import METRICS\nassert 'exact_match' in METRICS"),
    "A gate figure": "from eval.gates.figures.registry import GATE_FIGURES\nassert 'copies' in GATE_FIGURES",
    "An analyzer": "from eval.analyzers.registry import ANALYZERS\nassert 'links' in ANALYZERS",
    "An engine": "assert 'echo' in ENGINES",
    "A stage": (
        "import tempfile\nout = Path(tempfile.mkdtemp())\n"
        "assert CountStage(CountConfig()).run(out, {}) == {'total': 3}\nassert (out / 'total.txt').read_text() == '3'"
    ),
}


def test_every_example_has_a_check() -> None:
    assert BLOCKS.keys() == CHECKS.keys()


@pytest.mark.parametrize("name", CHECKS)
def test_example(name: str, tmp_path: Path) -> None:
    """In a process of its own, so that nothing stays registered."""
    (tmp_path / "example.py").write_text(f"{BLOCKS[name]}\n{CHECKS[name]}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "example.py")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
