"""scripts/compare_reports.py: the table, the JSON, the exit code, and one clear line for what is wrong."""

import json
from pathlib import Path

import pytest

from eval.testsets.outputs import write_table
from parley.config.command_line import run
from parley.pipeline.atomic import write_json
from scripts.compare_reports import Arguments, main
from tests.eval.planted import damaged, evidence, planted, rows


def save(folder: Path, damage: float, system: str = "teacher", outputs: bool = True) -> Path:
    lines = planted(rows(), lambda pair, _, row: damaged(row, damage) if pair == "en-fr" else row["hypothesis"])
    found = evidence([line | {"system": system} for line in lines], folder.name)
    write_json(folder / "report.json", found.report)
    assert found.outputs is not None
    if outputs:
        write_table(folder / "outputs.parquet", found.outputs.outputs)
    return folder


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int | str | None, str]:
    with pytest.raises(SystemExit) as stop:
        run(main, Arguments, argv=["samples=1000", *words])
    out, err = capsys.readouterr()
    return stop.value.code, out + err


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("reports")
    return save(base / "before", 0.0), save(base / "after", 0.2)


def test_a_regression_is_told_with_its_test(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "comparison.json"
    code, text = call(capsys, f"before={folders[0]}", f"after={folders[1] / 'report.json'}", f"out={out}")
    assert code == 0
    assert "1 of 6 directions worse, 0 better; paired test" in text
    assert "en-fr" in text
    assert "fr-en" not in text
    written = json.loads(out.read_text())["comparison"]
    assert written["baseline"] == {"name": "before"}
    assert written["systems"]["teacher"]["worse"] == ["en-fr"]


@pytest.mark.parametrize(("order", "code"), [((0, 1), 2), ((1, 0), 0), ((0, 0), 0)])
def test_the_exit_code_tells_of_regressions(
    folders: tuple[Path, Path], order: tuple[int, int], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"before={folders[order[0]]}", f"after={folders[order[1]]}", "fail_on_regression=true", "show=none"]
    assert call(capsys, *words)[0] == code


def test_all_directions_can_be_shown(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _, text = call(capsys, f"before={folders[0]}", f"after={folders[1]}", "show=all", "findings=false")
    assert all(direction in text for direction in ("en-fr", "fr-en", "de-fr"))


def test_without_outputs_the_word_is_intervals(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = save(tmp_path / "bare", 0.2, outputs=False)
    assert "intervals test" in call(capsys, f"before={folders[0]}", f"after={bare}")[1]


def test_what_is_wrong_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "one", 0.0)
    lines = evidence([line | {"system": name} for name in ("a", "b") for line in rows(messages=5)])
    write_json(tmp_path / "two/report.json", lines.report)
    cases = {
        f"before={tmp_path / 'nowhere'}": "no report.json there",
        f"before={tmp_path / 'two'}": "share no system: a, b there, teacher here",
        f"before={tmp_path / 'one'} alpha=2": "alpha is 2.0",
    }
    for words, message in cases.items():
        code, text = call(capsys, f"after={tmp_path / 'one'}", *words.split())
        assert code == 1
        assert message in text
        assert text.count("\n") == 1
