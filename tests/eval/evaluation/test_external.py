"""Systems from elsewhere beside those of a run, and one line for what cannot be used."""

import json
from pathlib import Path

import pytest

from eval.config import EvaluationConfig
from eval.evaluation.external import ExternalConfig, ExternalEvaluationStage
from eval.evaluation.stage import EvaluationStage
from eval.report.stage import ReportStage
from eval.systems.config import SystemConfig
from parley.languages.table import pair
from parley.pipeline.errors import InputError
from parley.pipeline.manifest import write_manifest
from parley.pipeline.runner import make_plan
from tests.eval import examples
from tests.eval.stage_folders import manifest

CONFIG = EvaluationConfig(perturbed_messages=1, latency_messages=2)
HOSTILE = "<script>window.ran = 1</script>"


def write_outputs(path: Path, *directions: str) -> Path:
    """Outputs of all messages of the directions; the first is hostile."""
    data, lines = examples.testset(), ["pair\trow_id\thypothesis"]
    for direction in directions:
        target = data.texts[pair(direction)[1]]
        lines += [f"{direction}\t{data.row_ids[row]}\t{HOSTILE}{target[row]}" for row in data.rows(direction)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def stage(system: SystemConfig) -> ExternalEvaluationStage:
    return ExternalEvaluationStage(ExternalConfig(system, CONFIG), {})


def test_a_file_a_folder_and_the_runs_own_system_side_by_side(corpus: Path, model_folder: Path, tmp_path: Path) -> None:
    own = EvaluationStage(CONFIG, {}, "teacher")
    file = stage(SystemConfig("other", str(write_outputs(tmp_path / "other.tsv", "en-fr", "fr-en")), pairs=["en-fr"]))
    folder = stage(SystemConfig("tiny", str(model_folder)))
    folders = {"corpus": corpus}
    for made, inputs in ((own, {"model": model_folder}), (file, {}), (folder, {})):
        out = folders[made.name] = tmp_path / "example" / made.name / "print"
        write_manifest(out, manifest(made.name, {}, made.run(out, {"corpus": corpus, **inputs})))
    assert list(folders) == ["corpus", "evaluation", "evaluation_other", "evaluation_tiny"]
    ReportStage(CONFIG).run(tmp_path / "report", folders)
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert list(report["mean"]) == ["teacher", "other", "tiny"]
    assert list(report["pairs"]["en-fr"]["systems"]) == ["teacher", "other", "tiny"]
    assert list(report["pairs"]["fr-en"]["systems"]) == ["teacher", "tiny"]
    compared = {(row["a"], row["b"]): row for row in report["pairs"]["en-fr"]["comparisons"]}
    assert compared["teacher", "tiny"]["delta"] == 0.0  # the same model by two ways
    assert compared["teacher", "other"]["delta"] > 0
    assert "latency_p50_ms" in report["speed"]["tiny"]
    assert "other" not in report["speed"]
    assert report["systems"]["tiny"]["params"] > 10_000
    page = (tmp_path / "report" / "pairs" / "en-fr.html").read_text()
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


def use(made: ExternalEvaluationStage, corpus: Path, root: Path) -> None:
    """All that a run does with a stage."""
    make_plan([made], root / "run")
    made.check()
    made.run(root / "out", {"corpus": corpus})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gone.tsv", None, "evaluation.systems, other: .*gone.tsv: no such file or folder"),
        ("out.txt", "x", "evaluation.systems, other: .*a file of outputs is one of"),
        ("out.tsv", "pair\trow_id\n", "no column hypothesis"),
        ("out.tsv", "pair\trow_id\thypothesis\nen-fr\trow:0\n", "line 2 has 2 fields, the first line has 3"),
        ("out.tsv", "pair\trow_id\thypothesis\nen-fr\trow:0\tTu\n", "no output of en-fr for message 'row:1'"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    corpus: Path, tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    made = stage(SystemConfig("other", str(path), pairs=["en-fr"]))
    with pytest.raises(InputError, match=message):
        use(made, corpus, tmp_path)


def test_the_contents_decide_not_the_place(tmp_path: Path) -> None:
    def fingerprint(path: Path) -> str:
        (job,) = make_plan([stage(SystemConfig("other", str(path)))], tmp_path / "run").jobs.values()
        return job.folder.name

    first, moved = write_outputs(tmp_path / "a.tsv", "en-fr"), write_outputs(tmp_path / "b.tsv", "en-fr")
    assert fingerprint(first) == fingerprint(moved)
    moved.write_text(moved.read_text() + "\n\n")
    assert fingerprint(first) != fingerprint(moved)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["teacher"], "'teacher' is a name of the run's own systems"),
        (["student_x"], "'student_x' is a name of the run's own systems"),
        (["a", "a"], "two systems have the name 'a'"),
        (["../a"], "'../a' is no folder name"),
        (["<b>"], "'<b>' is no folder name"),
    ],
)
def test_names_of_systems(names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        EvaluationConfig(systems=[SystemConfig(name, "x") for name in names])
