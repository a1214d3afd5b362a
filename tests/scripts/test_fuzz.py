"""Any words on any command line: done, or one line of what is wrong. `FUZZ_EXAMPLES=2000` is the long form."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parley.config.command_line import run
from scripts import describe_model, evaluate, pipeline, runs, score_quality, translate
from scripts.run_config import RunConfig

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "30"))
fuzz = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
ODD = (
    "", "[x]", "it's", '"', "a b", "\x00", "\ud83d", "\udcff", "b'x'", "é", "\n", "${x}", "${oc.env:HOME}", "{a: 1}",
    "null", "true", "-1", "1e400", "nan", "1_0", "9" * 400, "en", "en-fr", "???", "[", "a,b", "..", "/", "~", "\\",
    "%s", "=", "!x",
)  # fmt: skip
VALUE = st.sampled_from(ODD) | st.text(max_size=6) | st.integers().map(str) | st.floats().map(str)


def words(keys: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    """Command lines: mostly known keys, with a sign of Hydra's before some; some words are anything."""
    key = st.sampled_from(keys) | st.sampled_from(ODD)
    sign = st.sampled_from(["", "", "", "+", "++", "~"])
    word = st.builds(lambda sign, key, value: f"{sign}{key}={value}", sign, key, VALUE)
    return st.lists(word | word | VALUE, max_size=3)


def ends_well(
    main: Callable[..., None],
    schema: type,
    config_name: str | None,
    argv: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit 0, or exit 1 with one line on stderr."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        run(main, schema, config_name, argv=argv)
    err = capsys.readouterr().err
    assert stop.value.code in (0, 1), argv
    if stop.value.code:
        assert err.startswith("error: "), argv
        assert len(err.splitlines()) == 1, (argv, err)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("script", "given_keys"),
    [
        (translate, {"model": "nowhere", "target_lang": "fr"}),
        (
            evaluate,
            {"testset": "t.tsv", "out": "out", "model": "o.tsv", "max_messages": "2", "bootstrap_samples": "100"},
        ),
        (score_quality, {"model": "nowhere", "input": "t.tsv", "out": "o.jsonl"}),
        (runs, {}),
    ],
)
@fuzz
@given(data=st.data())
def test_arguments(
    data: st.DataObject, script: Any, given_keys: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    odd = data.draw(words(tuple(script.Arguments.__dataclass_fields__)))
    named = {word.partition("=")[0] for word in odd}
    known = [f"{key}={value}" for key, value in given_keys.items() if key not in named]
    ends_well(script.main, script.Arguments, None, [*known, *odd], capsys)


@fuzz
@given(odd=words(("teacher", "student", "vocab_size", "source_length", "teacher.d_model", "teacher.num_experts")))
def test_describe_model(odd: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    ends_well(describe_model.main, describe_model.DescribeConfig, "describe_model", odd, capsys)


@fuzz
@given(
    odd=words(("name", "seed", "languages", "experiment", "data", "data.root", "gates.rules", "training", "plugins"))
)
def test_composed_config(odd: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    ends_well(pipeline.main, RunConfig, "pipeline", ["--cfg", "experiment=demo", *odd], capsys)
