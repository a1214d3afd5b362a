"""scripts/translate.py: stdin to stdout, a line each."""

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from parley.config.command_line import run
from parley.languages.table import CODES
from scripts.translate import Arguments, main
from tests.eval.tiny_model import save_tiny_model

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "translate.py"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


def test_a_line_each(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("Are you ready?\n\n¿Listo?\n".encode())))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=sink))
    main(Arguments(str(model), target_lang="th", device="cpu"))
    lines = sink.getvalue().decode().split("\n")
    assert len(lines) == 4
    assert lines[1] == lines[3] == ""


def test_the_detected_language_is_told(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"Are you ready?\n")))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=sink))
    main(Arguments(str(model), target_lang="th", detected=True, device="cpu"))
    found = json.loads(sink.getvalue())
    assert found.keys() == {"translation", "source_lang", "probability"}
    assert found["source_lang"] in CODES
    assert 0 < found["probability"] <= 1


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("target_lang=zh", "unknown language code 'zh': did you mean"),
        ("source_lang=xx", "unknown language code 'xx'"),
        ("target_lang=auto", "unknown language code 'auto'"),
        ("model=nowhere", "nowhere: not a model folder"),
        ("glossary=nowhere.csv", "nowhere.csv: no such file"),
        ("glossary=tests/scripts/terms.csv", "no terms in 'th'; it has en de"),
    ],
)
def test_what_is_wrong_is_one_line(word: str, message: str, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"model": str(model), "target_lang": "th"} | dict([word.split("=")])
    with pytest.raises(SystemExit) as stop:
        run(main, Arguments, argv=[f"{key}={value}" for key, value in given.items()])
    assert stop.value.code == 1
    assert message in capsys.readouterr().err


def test_help_is_quick_and_names_every_argument() -> None:
    # Importing torch would take seconds; help must not.
    probe = (
        "import atexit, runpy, sys; atexit.register(lambda: print('torch' in sys.modules)); "
        f"sys.argv = ['translate.py', '--help']; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert all(name in done.stdout for name in ("model=", "target_lang=", "source_lang=", "default auto"))
    assert done.stdout.endswith("False\n")
