"""Every config file composes; no key is unknown, unused or without a comment."""

import ast
import dataclasses
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from parley.config.composition import CONFIGS, compose_config, groups
from parley.config.schema import hints
from scripts.describe_model import DescribeConfig
from scripts.graph import stages
from scripts.run_config import RunConfig

ROOT = CONFIGS.parent
FILES = sorted(CONFIGS.rglob("*.yaml"))
EXPERIMENTS = groups()["experiment"]
ROOTS = {"pipeline": RunConfig, "describe_model": DescribeConfig}
CHOICES = [(group, choice) for group, choices in groups().items() if group != "experiment" for choice in choices]


def compose(*words: str) -> RunConfig:
    return compose_config(RunConfig, "pipeline", words)


def nested(hint: Any) -> type | None:
    """The config class that a field of this type holds, if any: itself, optional, or as list and dict items."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return hint
    return next((found for part in get_args(hint) if (found := nested(part))), None)


def configs_in(value: Any) -> Iterator[Any]:
    """The dataclass instances of a config, nested ones included."""
    if dataclasses.is_dataclass(value):
        yield value
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from configs_in(item)


def classes_in(cls: type) -> Iterator[type]:
    """The dataclasses that a config class is made of."""
    yield cls
    for hint in hints(cls).values():
        if inner := nested(hint):
            yield from classes_in(inner)


CLASSES = sorted(set(classes_in(RunConfig)), key=lambda cls: cls.__name__)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes(experiment: str) -> None:
    goes_on_with = {"slang_refresh": "demo_terms"}
    name = goes_on_with.get(experiment, experiment)
    assert compose(f"experiment={experiment}", "data.root=../shared/data").name == name


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_composes(group: str, choice: str, tmp_path: Path) -> None:
    """And its stages can be made: every training has a budget."""
    (tmp_path / "chat.tsv").write_text("en\tfr\nhello\tbonjour\n", encoding="utf-8")
    needed = {
        ("teacher", "none"): ["qe=e5_small", "qe_data.per_language=0"],
        ("data", "mine"): [f"data.root={tmp_path}"],
    }
    assert stages(compose("experiment=demo_teacher", f"{group}={choice}", *needed.get((group, choice), [])))


def test_describe_model_composes() -> None:
    assert compose_config(DescribeConfig, "describe_model", []).teacher.depth > 0


def test_the_whole_runs_are_there() -> None:
    assert {"demo", "game_chat_small", "game_chat", "roblox_1b"} <= set(EXPERIMENTS)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_one_seed_reaches_every_group(experiment: str) -> None:
    config = compose(f"experiment={experiment}", "seed=4711")
    seeds = {type(part).__name__: part.seed for part in configs_in(config) if "seed" in hints(type(part))}
    assert set(seeds.values()) == {4711}, seeds


def test_runs_with_other_seeds_have_the_same_corpus_and_test_messages() -> None:
    one, two = (compose("experiment=demo", f"seed={seed}") for seed in (1, 2))
    assert one.data == two.data
    assert one.evaluation == two.evaluation
    assert one.evaluation.seed == two.evaluation.seed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONFIGS)))
def test_every_key_has_a_comment(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    inside = path.parent.name if path.parent.name in hints(RunConfig) else ""
    schema = nested(hints(RunConfig)[inside]) if inside else ROOTS.get(path.stem, RunConfig)
    keys = [(key, line) for key, line in keys_of(yaml.compose(text), schema) if key != "defaults"]
    commented: set[str] = {key for key, line in keys if "#" in lines[line] or lines[line - 1].lstrip().startswith("#")}
    assert [key for key, _ in keys if key not in commented] == []


def keys_of(node: yaml.Node | None, schema: type | None) -> Iterator[tuple[str, int]]:
    """Keys that are fields of a config class, with their lines. Keys of free tables (column names) are data."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        known = schema is not None and key.value in hints(schema)
        if known or key.value == "defaults":
            yield key.value, key.start_mark.line
        assert schema is not None
        yield from keys_inside(value, hints(schema)[key.value] if known else None)


def keys_inside(node: yaml.Node, hint: Any) -> Iterator[tuple[str, int]]:
    inner = nested(hint)
    if inner is None:
        return
    if hint is inner or type(None) in get_args(hint):
        yield from keys_of(node, inner)
    elif isinstance(node, yaml.MappingNode):  # name -> config
        for _, value in node.value:
            yield from keys_of(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from keys_of(value, inner)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_field_is_read_by_some_code(cls: type) -> None:
    assert [name for name in hints(cls) if name not in attributes_read()] == []


@cache
def attributes_read() -> frozenset[str]:
    """Attribute names that the packages read, checks of the values themselves left out."""
    found: set[str] = set()
    for package in ("parley", "training", "backtranslation", "distillation", "qe_model", "eval", "scripts"):
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found.update(read_in(tree))
    return frozenset(found)


def read_in(tree: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef) and child.name == "__post_init__":
            continue
        if isinstance(child, ast.Attribute) and isinstance(child.ctx, ast.Load):
            yield child.attr
        yield from read_in(child)
