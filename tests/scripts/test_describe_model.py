"""scripts/describe_model.py: the size of every teacher that the project has a config for."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from parley.config.composition import compose_config
from parley.pipeline.errors import InputError
from scripts.describe_model import DescribeConfig, main

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.stem for path in (ROOT / "configs/teacher").glob("*.yaml"))


def described(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, float]:
    """The figures by name: millions, MFLOPs or GiB."""
    main(compose_config(DescribeConfig, "describe_model", words))
    return {
        name.strip(): float(value)
        for name, value in re.findall(r"^  (\S[^,\n]*?)(?:,[^\n\d]*)?  *([\d.]+) ", capsys.readouterr().out, re.M)
    }


def test_roblox_1b_is_about_a_billion_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = described(capsys)
    assert 900 < sizes["parameters"] < 1100
    assert sizes["active parameters"] < 0.7 * sizes["parameters"]
    assert sizes["weights bf16"] == pytest.approx(2 * sizes["parameters"] * 1e6 / 2**30, rel=0.01)
    uses = [
        value for name, value in sizes.items() if name.startswith(("weights", "grad", "master", "AdamW", "average"))
    ]
    assert sizes["in all"] == pytest.approx(sum(uses), abs=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_every_teacher_is_described(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = described(capsys, f"teacher={name}", "vocab_size=8000")
    assert 0 < sizes["active parameters"] < sizes["parameters"]
    assert sizes["training"] > 3 * sizes["forward"]


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "configs/student").glob("*.yaml")))
def test_every_student_is_described(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = described(capsys, f"student={name}")
    parts = sizes["encoder"] + sizes["decoder"] + sizes["shared embedding"]
    assert parts == pytest.approx(sizes["parameters"], rel=0.01, abs=0.11)


def test_roblox_600m_is_under_650_million_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert 550 < described(capsys, "student=roblox_600m")["parameters"] < 650


def test_as_a_script() -> None:
    command = [sys.executable, str(ROOT / "scripts/describe_model.py")]
    done = subprocess.run([*command, "teacher=tiny"], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith("teacher: 2+2 layers, width 128")
    wrong = subprocess.run([*command, "teacher=tyni"], capture_output=True, text=True, timeout=120, check=False)
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("error: ")
    assert "teacher=tyni" in wrong.stderr
    assert "roblox_1b, small, tiny" in wrong.stderr
    assert wrong.stderr.count("\n") == 1


@pytest.mark.parametrize("word", ["vocab_size=0", "target_length=0", "source_length=-1"])
def test_a_size_of_nothing_is_refused(word: str) -> None:
    with pytest.raises(InputError, match=rf"{word}: choose from"):
        compose_config(DescribeConfig, "describe_model", [word])
