"""`key=value` arguments, help, and errors as one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from parley.config.command_line import parse_arguments, run
from parley.pipeline.errors import InputError
from tests.parley.config.example_script import Arguments, main

ROOT = Path(__file__).resolve().parents[3]


def outcome(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int | str | None, str, str]:
    with pytest.raises(SystemExit) as stop:
        run(main, Arguments, argv=words)
    out, err = capsys.readouterr()
    return stop.value.code, out, err


def test_values_by_type() -> None:
    words = ["model=/models/a,b=c d", "pairs=en-fr, fr-en", "beam_size=4", "share=0.5", "quiet=true"]
    assert parse_arguments(Arguments, words) == Arguments("/models/a,b=c d", ["en-fr", "fr-en"], 4, 0.5, True)


def test_text_stays_text() -> None:
    assert parse_arguments(Arguments, ["model=true", "share=null"]) == Arguments("true")
    assert parse_arguments(Arguments, ["model=007", "pairs=[a,b]"]) == Arguments("007", ["a", "b"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model=a", "beam=3"], r"unknown key 'beam'; did you mean beam_size\?"),
        (["model=a", "qqq=3"], r"unknown key 'qqq'; valid: model, pairs, beam_size"),
        (["model=a", "model.depth=3"], r"unknown key 'model\.depth'; valid: model"),
        (["model=a", "beam_size=four"], r"beam_size: Value 'four'.*Integer"),
        (["model=a", "kind=odd"], r"kind=odd: valid choices are input, interrupt"),
        (["model=a", "loose"], r"'loose' is not key=value"),
        (["model=${x}"], r"model: Interpolation key 'x' not found"),
        (["model=a", "model=b"], r"'model' is given twice"),
        ([], r"missing: model=\.\.\."),
    ],
)
def test_mistakes_are_named(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_arguments(Arguments, words)


@pytest.mark.parametrize("word", ["model=\udcff", "\ud83d", "model=a\0b"])
def test_what_is_no_text_is_refused(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = outcome([word], capsys)
    assert code == 1
    assert err == f"error: {word!a} is not a text in UTF-8\n"


def test_a_regular_expression_without_end_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = outcome(["model=a", "kind=regex"], capsys)
    assert code == 1
    assert "error: the tokenizer of a model gave up: Onig: Regex search error: retry-limit-in-match" in err


def test_help_tells_every_argument(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(["--help"], capsys)
    assert code == 0
    assert out.startswith("Echo its arguments.")
    assert "folder of a model (required)" in out
    assert "hypotheses kept (default 1)" in out
    assert "which of several kinds (default none)" in out


@pytest.mark.parametrize(
    ("kind", "code", "line"),
    [
        ("input", 1, "error: no model in a\n"),
        ("full", 1, "error: the disk is full: cannot write"),
        ("interrupt", 130, "error: interrupted"),
    ],
)
def test_failures_are_one_line(kind: str, code: int, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    found, out, err = outcome(["model=a", f"kind={kind}"], capsys)
    assert (found, out) == (code, "")
    assert err.startswith(line)
    assert err.count("\n") == 1


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run(main, Arguments, argv=["model=a", "kind=bug"])


def test_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m tests.parley.config.example_script model={'a' * 100_000} | head -c 1"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
