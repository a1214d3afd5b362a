"""Outputs made elsewhere: every form of file gives the same answers, and what is wrong is named with its line."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eval.config import EvaluationConfig
from eval.systems.config import SystemConfig, load_systems
from eval.systems.loading import open_system
from eval.systems.output_file import OutputFile
from eval.testsets.outputs import translate_directions
from eval.testsets.testset import TestSet
from parley.pipeline.errors import InputError
from tests.eval import examples
from tests.eval.example_evaluation import ExampleEvaluation

ROWS = [
    {"pair": "en-fr", "row_id": "row:0", "hypothesis": "Tu es prêt ?"},
    {"pair": "en-fr", "row_id": "row:1", "hypothesis": "Suis-moi"},
    {"pair": "en-fr", "row_id": "row:2", "hypothesis": ""},
    {"pair": "en-fr", "row_id": "elsewhere", "hypothesis": "not asked for"},
]
BY_TEXT = [
    {"source_lang": "en", "target_lang": "fr", "source": examples.EN[n], "hypothesis": row["hypothesis"]}
    for n, row in enumerate(ROWS[:3])
]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    else:
        lines = ["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["out.tsv", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize("rows", [ROWS, BY_TEXT], ids=["row_id", "text"])
def test_every_form_answers(tmp_path: Path, name: str, rows: list[dict[str, str]]) -> None:
    found = OutputFile.load(write(tmp_path / name, rows), examples.testset())
    assert found.answers(["en-fr"] * 3, ["row:0", "row:1", "row:2"]) == [row["hypothesis"] for row in ROWS[:3]]


def test_an_evaluation_of_a_file(tmp_path: Path) -> None:
    config = EvaluationConfig(pairs=["en-fr"], perturbed_messages=0)
    system = SystemConfig("other", str(write(tmp_path / "out.tsv", ROWS)))
    assert system.chosen == "outputs"
    ExampleEvaluation(config, open_system(system, examples.testset())).run(tmp_path / "out", {})
    entry = json.loads((tmp_path / "out" / "scores.json").read_text())["pairs"]["en-fr"]
    assert entry["n"] == 3
    assert entry["systems"]["teacher"]["empty"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("out.tsv", "pair\trow_id\n", "no column hypothesis; it has: pair row_id"),
        ("out.tsv", "pair\trow_id\thypothesis\nen-fr\tx\n", "line 2 has 2 fields, the first line has 3"),
        ("out.tsv", "pair\trow_id\thypothesis\nen-xx\tx\ty\n", "line 2: 'en-xx' is not a direction"),
        ("out.tsv", "pair\thypothesis\nen-fr\ty\n", "line 2: neither row_id nor source"),
        ("out.jsonl", "[1]\n", "line 1: not a JSON object"),
        ("out.jsonl", "{\n", "line 1: not JSON"),
        ("out.jsonl", '{"pair": "en-fr", "row_id": "row:0"}\n', "line 1: no column hypothesis"),
        ("out.parquet", "nothing", "not a whole Parquet file"),
        ("out.txt", "", "expected one of .parquet .jsonl .tsv .csv"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        OutputFile.load(tmp_path / name, examples.testset())


def test_missing_outputs_are_named(tmp_path: Path) -> None:
    found = OutputFile.load(write(tmp_path / "out.tsv", ROWS), examples.testset())
    with pytest.raises(InputError, match="no output of en-th for message 'row:1'"):
        found.answers(["en-fr", "en-th"], ["row:0", "row:1"])
    with pytest.raises(InputError, match="auto_source_messages=0"):
        found.translate_many(["Are you ready?"], ["auto"], ["fr"])


OK = TestSet("chat", ["a", "b", "c"], ["lobby"] * 3, {"en": ["ok", "where?", "ok"], "fr": ["d'accord", "où ?", "oui"]})


@pytest.mark.parametrize("key", ["row_id", "source"])
def test_messages_of_one_text_keep_their_own_outputs(tmp_path: Path, key: str) -> None:
    messages = {"row_id": ["a", "b", "c"], "source": ["ok", "where\u200b?", "ok"]}[key]
    rows = [{"pair": "en-fr", key: m, "hypothesis": h} for m, h in zip(messages, ["bon", "où", "oui"], strict=True)]
    found = OutputFile.load(write(tmp_path / "out.tsv", rows), OK)
    assert found.answers(["en-fr"] * 3, OK.row_ids) == ["bon", "où", "oui"]
    table = translate_directions(found, "other", OK, {"en-fr": [2]}).table
    assert table["hypothesis"].to_pylist() == ["oui"]


def test_one_output_of_a_text_is_that_of_all_its_messages(tmp_path: Path) -> None:
    rows = [{"pair": "en-fr", "source": text, "hypothesis": text} for text in ("ok", "where?", "elsewhere")]
    assert OutputFile.load(write(tmp_path / "out.tsv", rows), OK).answers(["en-fr"] * 2, ["a", "c"]) == ["ok", "ok"]


@pytest.mark.parametrize("key", ["row_id", "source"])
def test_different_outputs_of_one_message_are_refused(tmp_path: Path, key: str) -> None:
    message = {"row_id": "b", "source": "where?"}[key]
    rows = [{"pair": "en-fr", key: message, "hypothesis": text} for text in ("où", "où", "quand")]
    with pytest.raises(InputError, match="line 4: a second, different output of en-fr for message 'b'"):
        OutputFile.load(write(tmp_path / "out.tsv", rows), OK)


def test_a_list_of_systems(tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    path.write_text("- {name: ours, path: runs/demo/teacher}\n- {name: other, path: out.tsv, format: outputs}\n")
    assert [(one.name, one.format) for one in load_systems(path)] == [("ours", "auto"), ("other", "outputs")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x", "expected a list of systems"),
        ("[]", "expected a list of systems"),
        ("- {name: x}", "a system has no path"),
        ("- {name: x, path: y, formt: outputs}", "unknown key 'formt' .meant: format"),
        ("- {name: x, path: y, format: onnx}", "format=onnx; choose auto, parley"),
        ("- {name: x, path: y, prompt: translate}", "the prompt has no {text}"),
        ("- {name: x, path: y}\n- {name: x, path: z}", "two systems have one name"),
        ("- {", "not readable as YAML"),
    ],
)
def test_bad_lists(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "systems.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_systems(path)
