"""Hydra composition without Hydra's run-time: no output folders, no change of directory, errors as one line."""

import itertools
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from parley.config.typed_config import build, check_key, field_help, hints, nearest, nested, schema_of, type_name
from parley.pipeline.errors import InputError

ConfigT = TypeVar("ConfigT")
CONFIGS: Final = Path(__file__).resolve().parents[2] / "configs"


def compose_config(schema: type[ConfigT], config_name: str, words: Sequence[str], folder: Path = CONFIGS) -> ConfigT:
    """Compose `<folder>/<config_name>.yaml` with overrides and build the typed config.

    The root YAML begins its defaults list with `<config_name>_schema`, the mirror of `schema` in the ConfigStore.

    Raises:
        InputError: an override that Hydra cannot read, an unknown key or choice (the nearest valid ones are named), a
            value of the wrong type, a missing value, or a value that a config class refuses.
    """
    composed = compose_nodes(schema, config_name, words, folder)
    with _one_line(schema):
        missing = sorted(OmegaConf.missing_keys(composed))
        if missing:
            raise InputError(f"missing: {' '.join(f'{key}=...' for key in missing)}{_hint(words, folder)}")
        values = OmegaConf.to_container(composed, resolve=True)
    assert isinstance(values, dict)
    return build(schema, {str(key): value for key, value in values.items()})


def compose_text(schema: type, config_name: str, words: Sequence[str], folder: Path = CONFIGS) -> str:
    """The composed config as YAML, interpolations resolved where they can be."""
    composed = compose_nodes(schema, config_name, words, folder)
    with _one_line(schema):
        return OmegaConf.to_yaml(composed, resolve=not OmegaConf.missing_keys(composed))


def compose_nodes(schema: type, config_name: str, words: Sequence[str], folder: Path = CONFIGS) -> DictConfig:
    """The composed nodes, typed by the schema. Raises InputError as `compose_config` does."""
    ConfigStore.instance().store(name=f"{config_name}_schema", node=schema_of(schema))
    overrides = [_checked(override, schema, folder) for override in _parse(words)]
    with _one_line(schema), initialize_config_dir(str(folder), version_base="1.3"):
        return compose(config_name, overrides=overrides)


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


def help_text(schema: type, config_name: str, words: Sequence[str] = (), folder: Path = CONFIGS) -> str:
    """Groups with their choices, and the keys: of the top level, or of the group that `words` name (`--help data`)."""
    asked = [word for word in words if word in hints(schema)]
    if asked:
        return "\n".join(line for name in asked for line in _keys(schema, name))
    lines = ["Choices (group=choice):"]
    root = (folder / f"{config_name}.yaml").read_text(encoding="utf-8")
    for group, choices in groups(folder).items():
        if f"- {group}:" not in root:  # a group of other scripts
            continue
        lines += [
            f"  {group}={choice:<{24 - len(group)}} {_title(folder / group / f'{choice}.yaml')}" for choice in choices
        ]
    lines += ["", f"Keys (key=value; defaults in configs/{config_name}.yaml):"]
    texts = field_help(schema)
    for name, hint in hints(schema).items():
        inner = nested(hint)
        kind = f"{name}.KEY" if inner else f"{name}={type_name(hint)}"
        keys = f" Keys: {', '.join(hints(inner))}." if inner else ""
        lines += textwrap.wrap(f"  {kind:<26} {texts[name]}{keys}", 116, subsequent_indent=" " * 29)
    more = f"--help {next((name for name, hint in hints(schema).items() if nested(hint)), 'GROUP')}"
    return "\n".join(
        [*lines, "", f"{more}: that group's keys. --cfg [overrides]: the composed config, nothing is run."]
    )


def _keys(schema: type, group: str) -> Iterator[str]:
    inner = nested(hints(schema)[group])
    if inner is None:
        yield f"{group}={type_name(hints(schema)[group])} {field_help(schema)[group]}"
        return
    texts = field_help(inner)
    for name, hint in hints(inner).items():
        text = f"  {f'{group}.{name}={type_name(hint)}':<44} {texts[name]}"
        yield from textwrap.wrap(text, 116, subsequent_indent=" " * 47)


def _title(path: Path) -> str:
    """The comment that a config begins with, in one line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    first = next((line for line in lines if line.startswith("#") and "@package" not in line), "")
    return first.lstrip("# ")


def _parse(words: Sequence[str]) -> list[Override]:
    parser = OverridesParser.create()
    parsed = []
    for word in words:
        try:
            parsed.append(parser.parse_override(word))
        except HydraException as error:
            raise InputError(
                f"cannot read '{word}': write key=value, group=choice or key=[a,b] (see --help)"
            ) from error
    return parsed


def _checked(override: Override, schema: type, folder: Path) -> str:
    """Hold an override against groups and schema; `+key` may also name a key that has a value."""
    key, word = override.key_or_group, override.input_line or ""
    if override.is_sweep_override():
        raise InputError(f"'{word}': a list is written {key}=[a,b]; one run for each value is asked for with -m")
    choices = groups(folder).get(key)
    value = override.value()
    if choices is not None and isinstance(value, str):
        if value not in choices:
            raise InputError(f"unknown choice {key}={value}; {nearest(value, choices)}")
        return word.lstrip("+")
    if choices is None or key not in hints(schema):
        _check_override_key(schema, key, folder)
    if override.is_delete():
        raise InputError(f"'{word}': keys cannot be deleted, every one has a meaning; set {key}=... instead")
    return "++" + word.lstrip("+") if word.startswith("+") else word


def _check_override_key(schema: type, key: str, folder: Path) -> None:
    try:
        check_key(schema, key)
    except InputError:
        if "." not in key:  # may be meant as a group: name those too
            raise InputError(
                f"unknown key '{key}'; {nearest(key, sorted({*hints(schema), *groups(folder)}))}"
            ) from None
        raise


@contextmanager
def _one_line(schema: type) -> Iterator[None]:
    """Hydra's and OmegaConf's errors as one line."""
    try:
        yield
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        key, cause = _full_key(error)
        if key is not None:
            check_key(schema, key)  # an unknown key of a YAML file gets its nearest valid ones
        lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
        where = f"{key}: " if key else ""
        raise InputError(where + " ".join(lines[:1] if key else lines[:3])) from error


def _full_key(error: BaseException) -> tuple[str | None, BaseException]:
    """The dotted key that an error, or the one that caused it, speaks of."""
    cause: BaseException | None = error
    while cause is not None:
        key: Any = getattr(cause, "full_key", None)
        if key:
            return str(key), cause
        cause = cause.__cause__ or cause.__context__
    return None, error


def _hint(words: Sequence[str], folder: Path) -> str:
    experiments = groups(folder).get("experiment", [])
    if not experiments or any(word.startswith("experiment=") for word in words):
        return " (see --help)"
    return f"; or choose a whole run: experiment={'|'.join(experiments)}"
