"""Any words on any command line: done, or one line of what is wrong. `FUZZ_EXAMPLES=2000` is the long form."""

import contextlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parley.config.command_line import run
from scripts import campaign, describe_model, evaluate, pipeline, runs, score_quality, translate
from scripts.run_config import RunConfig
from tests.eval.campaign.example_report import write_report
from tests.eval.tiny_model import save_tiny_model

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "30"))
fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
)
ODD = (
    "", "[x]", "it's", '"', "a b", "\x00", "\ud83d", "\udcff", "b'x'", "é", "\n", "${x}", "${oc.env:HOME}", "{a: 1}",
    "null", "true", "-1", "1e400", "nan", "1_0", "9" * 400, "en", "en-fr", "???", "[", "a,b", "..", "/", "~", "\\",
    "%s", "=", "!x",
)  # fmt: skip
VALUE = st.sampled_from(ODD) | st.text(max_size=6) | st.integers().map(str) | st.floats().map(str)


def words(keys: Sequence[str], signs: str = "") -> st.SearchStrategy[list[str]]:
    """Command lines: known keys with odd values, a sign of Hydra's before some; a word in ten is anything."""
    known = st.builds(
        lambda sign, key, value: f"{sign}{key}={value}", st.sampled_from(["", *signs]), st.sampled_from(keys), VALUE
    )
    anything = VALUE | st.builds(lambda key, value: f"{key}={value}", VALUE, VALUE)
    word = st.integers(0, 9).flatmap(lambda number: known if number else anything)
    return st.lists(word, max_size=3)


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


@pytest.fixture(scope="module", autouse=True)
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A small model, a test set and outputs for it in the working folder."""
    folder = tmp_path_factory.mktemp("files")
    save_tiny_model(folder / "model")
    (folder / "t.tsv").write_text("en\tfr\nAre you ready?\tTu es prêt ?\nGood game!\tBien joué !\n")
    (folder / "o.tsv").write_text("pair\trow_id\thypothesis\nen-fr\t1\tTu es prêt ?\nen-fr\t2\tBien\n")
    write_report(folder / "report")
    (folder / "said.jsonl").write_text("{}")
    with contextlib.chdir(folder):
        yield


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (translate, {"model": "model", "target_lang": "fr"}),
        (evaluate, {"testset": "t.tsv", "out": "out", "model": "o.tsv", "pairs": "en-fr", "bootstrap_samples": "100"}),
        (score_quality, {"model": "nowhere", "input": "t.tsv", "out": "o.jsonl"}),
        (runs, {}),
        (campaign, {"report": "report", "pair": "en-fr", "out": "c.json"}),
        (campaign, {"report": "report", "read": "said.jsonl", "out": "people.jsonl"}),
    ],
)
@fuzz
@given(data=st.data())
def test_arguments(
    data: st.DataObject,
    script: Any,
    told: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    odd = data.draw(words([name for name in script.Arguments.__dataclass_fields__ if name != "out"]))
    named = {word.partition("=")[0] for word in odd}
    known = [f"{key}={value}" for key, value in told.items() if key not in named]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Are you ready?\n")))
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), "utf-8"))
    ends_well(script.main, script.Arguments, None, [*known, *odd], capsys)


@fuzz
@given(odd=words(("teacher", "student", "vocab_size", "source_length", "teacher.d_model", "teacher.num_experts"), "+~"))
def test_describe_model(odd: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    ends_well(describe_model.main, describe_model.DescribeConfig, "describe_model", odd, capsys)


@fuzz
@given(odd=words(("name", "seed", "languages", "experiment", "data", "data.root", "gates.rules", "plugins"), "+~"))
def test_composed_config(odd: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    ends_well(pipeline.main, RunConfig, "pipeline", ["--cfg", "experiment=demo", *odd], capsys)
