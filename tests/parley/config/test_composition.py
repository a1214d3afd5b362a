"""Hydra composition: typed, without traces on the disk, mistakes as one line. On a small config tree of its own."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from parley.config.composition import compose_config, compose_nodes, compose_text, expand_sweep, groups
from parley.config.help import run_help
from parley.pipeline.errors import InputError
from scripts.run_config import RunConfig


@dataclass(frozen=True)
class Source:
    path: str = ""
    columns: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Data:
    """Data.

    Attributes:
        root: folder that paths are under.
        seed: of the split.
    """

    root: str
    seed: int = 0
    sources: dict[str, Source] = field(default_factory=dict)
    shares: list[float] = field(default_factory=lambda: [0.9, 0.1])

    def __post_init__(self) -> None:
        allowed = sys.modules.get("allowed_seeds")
        if self.seed < 0 and allowed is None:
            raise InputError(f"data.seed={self.seed} is negative")


@dataclass(frozen=True)
class Run:
    """A run.

    Attributes:
        name: what it is called.
    """

    name: str
    data: Data
    seed: int = 1
    mode: Literal["fast", "slow"] = "fast"
    note: str | None = None
    plugins: list[str] = field(default_factory=list)


FILES = {
    "root.yaml": "defaults:\n- root_schema\n- data: small\n- _self_\n- experiment: null\ndata: {seed: '${seed}'}\n",
    "data/small.yaml": "# A small corpus.\nroot: here\nsources: {a: {path: a.tsv, columns: {'1': en}}}\n",
    "data/open.yaml": "# Any corpus.\nsources: {}\n",
    "experiment/demo.yaml": "# @package _global_\n# The demo.\ndefaults:\n- override /data: open\nname: demo\n"
    "data: {root: there}\n",
    "experiment/wrong.yaml": "# @package _global_\n# Wrong.\nname: wrong\ndata: {rot: x}\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_builds_the_frozen_classes(folder: Path) -> None:
    words = ["name=x", "seed=7", "data.sources.a.path=b.tsv", "+note=hello", "data.shares=[0.5,0.5]"]
    config = compose_config(Run, "root", words, folder)
    assert config == Run("x", Data("here", 7, {"a": Source("b.tsv", {"1": "en"})}, [0.5, 0.5]), 7, note="hello")


def test_tables_take_further_names_with_and_without_a_plus(folder: Path) -> None:
    words = ["name=x", "+data.sources.b.path=b.tsv", "data.sources.c.columns.2=fr"]
    assert compose_config(Run, "root", words, folder).data.sources == {
        "a": Source("a.tsv", {"1": "en"}),
        "b": Source("b.tsv"),
        "c": Source("", {"2": "fr"}),
    }


def test_plugins_are_imported_before_the_classes_are_built(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "allowed_seeds.py").write_text("SEEDS = [-1]")
    monkeypatch.syspath_prepend(str(folder))
    words = ["name=x", "seed=-1", "plugins=[allowed_seeds]"]
    assert compose_config(Run, "root", words, folder).data.seed == -1
    del sys.modules["allowed_seeds"]
    with pytest.raises(InputError, match="plugins: there is no module 'nowhere'"):
        compose_config(Run, "root", ["name=x", "plugins=[nowhere]"], folder)


def test_an_experiment_fills_the_run(folder: Path) -> None:
    assert compose_config(Run, "root", ["experiment=demo"], folder) == Run("demo", Data("there", 1))


def test_leaves_no_trace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(folder.rglob("*"))
    monkeypatch.chdir(folder)
    compose_config(Run, "root", ["name=x"], folder)
    assert sorted(folder.rglob("*")) == before
    assert Path.cwd() == folder


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], r"missing: name=\.\.\.; or choose a whole run: experiment=demo\|wrong"),
        (["nam=x"], r"unknown key 'nam'; did you mean name\?"),
        (["experimnt=demo"], r"unknown key 'experimnt'; did you mean experiment\?"),
        (["experiment=dmo"], r"unknown choice experiment=dmo; did you mean demo\?"),
        (["name=x", "data.rot=a"], r"unknown key 'data\.rot'; did you mean data\.root\?"),
        (["name=x", "+data.rot=a"], r"unknown key 'data\.rot'"),
        (
            ["name=x", "data.sources.a.pth=a"],
            r"unknown key 'data\.sources\.a\.pth'; did you mean data\.sources\.a\.path",
        ),
        (["name=x", "seed=one"], r"^seed: Value 'one'.*Integer"),
        (["name=x", "seed=-1"], r"data\.seed=-1 is negative"),
        (["name=x", "mode=odd"], r"mode=odd: valid choices are fast, slow"),
        (["name=x", "data.root=a,b"], r"a list is written data\.root=\[a,b\]"),
        (["name=x", "seed"], r"cannot read 'seed'"),
        (["name=x", "é=it's"], r"cannot read 'é=it's'"),
        (["experiment=0"], r"unknown choice experiment=0; valid: "),
        (["name=x", "~seed"], r"cannot be deleted"),
        (["name=x", "note=${nothing}"], r"nothing"),
        (["experiment=wrong"], r"unknown key 'data\.rot'; did you mean data\.root\?"),
    ],
)
def test_mistakes_are_one_line(words: list[str], message: str, folder: Path) -> None:
    with pytest.raises(InputError, match=message) as error:
        compose_config(Run, "root", words, folder)
    assert "\n" not in str(error.value)


def test_help_names_choices_and_keys(folder: Path) -> None:
    text = run_help(Run, folder / "root.yaml", groups(folder))
    assert "data=small" in text
    assert "A small corpus." in text
    assert "experiment=demo" in text
    assert "The demo." in text
    assert "what it is called." in text
    assert "root: folder that paths are under." in run_help(Run, folder / "root.yaml", groups(folder), ["data"])


def test_composed_text_is_yaml_with_references_resolved(folder: Path) -> None:
    assert "  seed: 5\n" in compose_text(Run, "root", ["name=x", "seed=5"], folder)


def test_a_sweep_is_every_combination() -> None:
    jobs = expand_sweep(["experiment=demo", "seed=1,2", "data.root=choice(a, b)", "data.shares=[0.5,0.5]"])
    assert jobs == [
        ["experiment=demo", f"seed={seed}", f"data.root={root}", "data.shares=[0.5,0.5]"]
        for seed in (1, 2)
        for root in "ab"
    ]
    assert expand_sweep(["seed=range(1,4)"]) == [["seed=1"], ["seed=2"], ["seed=3"]]
    assert expand_sweep(["+note=a,b"]) == [["+note=a"], ["+note=b"]]
    assert expand_sweep(["name=x"]) == [["name=x"]]


@pytest.mark.parametrize(
    ("words", "message"),
    [(["seed=interval(0, 1)"], r"name the values: seed=a,b"), (["seed"], r"cannot read 'seed'")],
)
def test_a_sweep_without_end_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        expand_sweep(words)


@pytest.mark.parametrize("text", ["/tmp/é", "数据", "it's", "chat (v2)", "/a/[x]", "a\\'b é\\", "new\nline é"])
def test_paths_are_taken_as_they_stand(text: str) -> None:
    assert compose_nodes(RunConfig, "pipeline", ["experiment=demo", f"runs_root={text}"]).runs_root == text
