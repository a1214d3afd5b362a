"""Composing a run's config: Hydra's compose, without its run-time."""

import itertools
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeVar

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from parley.config.schema import mistakes_as_one_line, nearest, schema_of
from parley.pipeline.errors import InputError

ConfigT = TypeVar("ConfigT")
PLAIN: Final = re.compile(r"(\+{0,2}[\w.]+)=([^\[{('\"].*)", re.DOTALL)  # neither list, table nor quoted text
CONFIGS: Final = Path(__file__).resolve().parents[2] / "configs"


def compose_config(schema: type[ConfigT], config_name: str, words: Sequence[str], folder: Path = CONFIGS) -> ConfigT:
    """Compose `<folder>/<config_name>.yaml` with overrides and build the typed config.

    The root YAML begins its defaults list with `<config_name>_schema`, the mirror of `schema` in the ConfigStore. The
    modules that a top-level key `plugins` lists are imported before the classes are built, so that what they register
    is known to the checks.

    Raises:
        InputError: an override that Hydra cannot read, an unknown key or choice (the nearest valid ones are named), a
            value of the wrong type, a missing value, or a value that a config class refuses.
    """
    composed = compose_nodes(schema, config_name, words, folder)
    with mistakes_as_one_line(groups(folder)):
        if missing := sorted(OmegaConf.missing_keys(composed)):
            raise InputError(f"missing: {' '.join(f'{key}=...' for key in missing)}{_hint(words, folder)}")
        import_plugins(composed.get("plugins") or [])
        config = OmegaConf.to_object(composed)
    assert isinstance(config, schema)
    return config


def compose_text(schema: type, config_name: str, words: Sequence[str], folder: Path = CONFIGS) -> str:
    """The composed config as YAML, interpolations resolved where they can be."""
    composed = compose_nodes(schema, config_name, words, folder)
    with mistakes_as_one_line():
        return OmegaConf.to_yaml(composed, resolve=not OmegaConf.missing_keys(composed))


def compose_nodes(schema: type, config_name: str, words: Sequence[str], folder: Path = CONFIGS) -> DictConfig:
    """The composed nodes, typed by the schema. Raises InputError as `compose_config` does."""
    ConfigStore.instance().store(name=f"{config_name}_schema", node=schema_of(schema))
    choices, values = _divided(words, groups(folder))
    with mistakes_as_one_line(groups(folder)), initialize_config_dir(str(folder), version_base="1.3"):
        composed = compose(config_name, overrides=choices)
        OmegaConf.set_struct(composed, None)  # the schema holds typed nodes to their keys; tables take further names
        merged = OmegaConf.merge(composed, *values)
    assert isinstance(merged, DictConfig)
    return merged


def expand_sweep(words: Sequence[str]) -> list[list[str]]:
    """The jobs of a multirun: every combination of the values that `key=a,b` and Hydra's other sweeps give.

    Raises:
        InputError: a word that Hydra cannot read, or a sweep without an end, such as `interval(0, 1)`.
    """
    choices = []
    for override in _parse(words):
        word = override.input_line or ""
        if override.is_sweep_override() and not override.is_discrete_sweep():
            raise InputError(f"'{word}': name the values: {override.key_or_group}=a,b or choice(a, b) or range(1, 5)")
        key = override.get_key_element()
        swept = override.is_sweep_override()
        choices.append([f"{key}={value}" for value in override.sweep_string_iterator()] if swept else [word])
    return [list(job) for job in itertools.product(*choices)]


def groups(folder: Path = CONFIGS) -> dict[str, list[str]]:
    """Config groups and their choices."""
    found = {path.name: sorted(file.stem for file in path.glob("*.yaml")) for path in folder.iterdir() if path.is_dir()}
    return {name: choices for name, choices in sorted(found.items()) if choices}


def import_plugins(modules: Sequence[str]) -> None:
    """Import modules from outside, which register what they bring.

    Raises:
        InputError: there is no such module.
    """
    for name in modules:
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            raise InputError(f"plugins: there is no module '{name}' ({error}); is it on PYTHONPATH?") from error


def _parse(words: Sequence[str]) -> list[Override]:
    parser = OverridesParser.create()
    return [_parsed(parser, word) for word in words]


def _parsed(parser: OverridesParser, word: str) -> Override:
    plain = PLAIN.fullmatch(word)
    for form in (word, *([_quoted(*plain.groups())] if plain else [])):
        with suppress(HydraException):
            return parser.parse_override(form)
    raise InputError(f"cannot read '{word}': write key=value, group=choice or key=[a,b] (--help)")


def _quoted(key: str, text: str) -> str:
    """A value that Hydra's grammar cannot read, such as a path with accents or brackets, as the text that it is."""
    slashes = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + (found[2] and "\\'"), text)
    return f"{key}='{slashes}'"


def _divided(words: Sequence[str], known: Mapping[str, Sequence[str]]) -> tuple[list[str], list[dict[str, Any]]]:
    """Choices of groups, for Hydra, and values, each as a nested table. `+` may stand before either."""
    choices: list[str] = []
    values: list[dict[str, Any]] = []
    for override in _parse(words):
        key, word, value = override.key_or_group, (override.input_line or "").lstrip("+"), override.value()
        if override.is_sweep_override():
            raise InputError(f"'{word}': a list is written {key}=[a,b]; one run for each value is asked for with -m")
        if override.is_delete():
            raise InputError(f"'{word}': keys cannot be deleted, every one has a meaning; set {key}=... instead")
        if key in known and not isinstance(value, dict):
            if not isinstance(value, str):
                raise InputError(f"unknown choice {word}; {nearest(str(value), known[key])}")
            choices.append(word)
        else:
            values.append(_nested(key.split("."), value))
    return choices, values


def _nested(path: list[str], value: Any) -> dict[str, Any]:
    return {path[0]: _nested(path[1:], value) if path[1:] else value}


def _hint(words: Sequence[str], folder: Path) -> str:
    experiments = groups(folder).get("experiment", [])
    if not experiments or any(word.startswith("experiment=") for word in words):
        return " (see --help)"
    return f"; or choose a whole run: experiment={'|'.join(experiments)}"
