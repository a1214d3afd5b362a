"""Every command that README and docs quote names a program that exists and keys that it takes."""

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from parley.config.composition import compose_config, expand_sweep, groups
from parley.config.schema import hints, schema_of
from scripts.describe_model import DescribeConfig
from scripts.run_config import RunConfig

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "parley/corpus/demo_phrases/README.md"]
COMMAND = re.compile(r"\bpython ((?:scripts|benchmarks)/\w+\.py)([^`\n#<>|]*)")
TORCHRUN = re.compile(r"\btorchrun [^`\n]*?(scripts/\w+\.py)([^`\n#]*)")
MAKE = re.compile(r"(?:^|`)make ((?:\w+=\S+ )*\w+)((?: [A-Z_]+=[^\s`]+)*)", re.MULTILINE)
INLINE_KEY = re.compile(r"`\+?([a-z_]+(?:\.[a-z_]+)*)=([^`\s]*)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")


def commands() -> list[tuple[str, str, tuple[str, ...]]]:
    """(page, program, words); what stands two spaces behind the command is a remark."""
    found = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for program, rest in [*COMMAND.findall(text), *TORCHRUN.findall(text)]:
            words = shlex.split(re.split(r"\s{2,}", rest.strip().rstrip("\\"))[0])
            key = program, tuple(optional(word) for word in words)
            found.setdefault(key, (page.name, *key))  # each once
    return list(found.values())


def optional(word: str) -> str:
    """`[key=value]` is a key that may be left out."""
    return word[1:-1] if word.startswith("[") and word.endswith("]") else word


def overrides(words: tuple[str, ...]) -> list[str]:
    return [word for word in words if "=" in word and not word.endswith("...")]


@pytest.mark.parametrize(("page", "program", "words"), commands())
def test_commands_exist_and_take_their_keys(page: str, program: str, words: tuple[str, ...]) -> None:
    assert (ROOT / program).is_file()
    given = overrides(words)
    if program == "scripts/pipeline.py":
        experiment = [] if any(word.startswith("experiment=") for word in given) else ["experiment=demo"]
        for job in expand_sweep(given) if "-m" in words else [given]:
            compose_config(RunConfig, "pipeline", [*experiment, *filled(job)])
    elif program == "scripts/describe_model.py":
        compose_config(DescribeConfig, "describe_model", filled(given))
    elif given:
        module = importlib.import_module(program.removesuffix(".py").replace("/", "."))
        for word in given if hasattr(module, "Arguments") else []:
            assert word.partition("=")[0] in hints(module.Arguments)


def filled(words: list[str]) -> list[str]:
    """A choice that the page leaves open (`experiment=E`) becomes some choice."""
    pairs = [word.split("=", 1) for word in words]
    return [f"{key}={groups()[key.lstrip('+')][0] if len(value) == 1 else value}" if key.lstrip("+") in groups()
            else f"{key}={value}" for key, value in pairs]  # fmt: skip


def test_commands_are_found() -> None:
    assert {"scripts/pipeline.py", "scripts/translate.py", "scripts/evaluate.py"} <= {name for _, name, _ in commands()}


def inline_keys() -> Iterator[tuple[str, str, str]]:
    """Keys of a run named in the text, such as `tracking=wandb|comet`."""
    for page in PAGES:
        for key, value in INLINE_KEY.findall(page.read_text(encoding="utf-8")):
            if key.split(".")[0] in {*hints(RunConfig), *groups()}:
                yield page.name, key, value


def keys_of(node: Any, prefix: str = "") -> set[str]:
    """Every key of a config, dotted."""
    if not isinstance(node, DictConfig):
        return set()
    inner = {key: node._get_node(key) for key in node}
    return {f"{prefix}{key}" for key in inner}.union(*(keys_of(inner[key], f"{prefix}{key}.") for key in inner))


@pytest.mark.parametrize(("page", "key", "value"), sorted(set(inline_keys())))
def test_keys_in_the_text_exist(page: str, key: str, value: str) -> None:
    if key in groups():
        assert set(filter(None, value.split("|"))) <= set(groups()[key])
    else:
        assert key in keys_of(OmegaConf.structured(schema_of(RunConfig)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()] == []


def test_every_page_is_in_the_table() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"docs/{page.name}" not in text] == []


def test_every_benchmark_is_in_the_table() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    programs = {path.name for path in (ROOT / "benchmarks").glob("*.py")} - {"__init__.py"}
    assert [name for name in sorted(programs) if f"`{name}`" not in text] == []


def test_make_targets_and_variables_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = [match for page in PAGES for match in MAKE.findall(page.read_text(encoding="utf-8"))]
    assert {"demo", "test"} <= {target for target, _ in found}
    for target, variables in found:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
        for variable in re.findall(r"([A-Z_]+)=", variables):
            assert re.search(rf"^{variable} \?=", makefile, re.MULTILINE)
