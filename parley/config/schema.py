"""Frozen config classes in the terms of OmegaConf.

OmegaConf makes the node of a frozen dataclass read-only before it is filled in, and knows no `Literal`. So each config
class has a mutable mirror of the same name and fields. `OmegaConf.to_object` calls the mirror, which makes the frozen
class itself and so runs its checks.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Literal, Optional, Union, get_args, get_origin, get_type_hints

import yaml
from hydra.errors import HydraException, MissingConfigException
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from parley.pipeline.errors import InputError

UNIONS: Final = (Union, UnionType)


def hints(cls: type) -> dict[str, Any]:
    """Resolved types of the fields of a dataclass that are arguments, by name."""
    types = get_type_hints(cls)
    return {field.name: types[field.name] for field in dataclasses.fields(cls) if field.init}


def schema_of(cls: type) -> type:
    """The mutable mirror of a config class; fields without a default are `???`."""
    return _schema_of(cls)


@cache
def _schema_of(cls: type) -> type:
    types = hints(cls)
    fields = [(f.name, _type(types[f.name]), _default(f, types[f.name])) for f in dataclasses.fields(cls) if f.init]

    def make(_: type, **values: Any) -> Any:
        for name, value in values.items():
            _check_choice(name, types[name], value)
        return cls(**values)

    return dataclasses.make_dataclass(cls.__name__, fields, kw_only=True, namespace={"__new__": make})


def _type(hint: Any) -> Any:
    origin, parts = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        return schema_of(hint)  # type: ignore[arg-type]
    if origin is Literal:
        return type(parts[0])
    if origin in UNIONS:
        return Optional[_type(next(part for part in parts if part is not NoneType))]  # noqa: UP045
    if origin is list:
        return list[_type(parts[0])]  # type: ignore[misc]
    if origin is dict:
        return dict[parts[0], _type(parts[1])]  # type: ignore[misc,valid-type]
    return hint


def _default(field: "dataclasses.Field[Any]", hint: Any) -> Any:
    value = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    if dataclasses.is_dataclass(hint):
        node = OmegaConf.structured(schema_of(hint))  # type: ignore[arg-type]
        own = {} if value is dataclasses.MISSING else dataclasses.asdict(value)
        return dataclasses.field(default_factory=lambda: OmegaConf.merge(node, own))
    return MISSING if value is dataclasses.MISSING else dataclasses.field(default_factory=lambda: value)


def _check_choice(name: str, hint: Any, value: Any) -> None:
    """Hold a value against `Literal`, or `Literal | None`."""
    for part in (hint, *get_args(hint)):
        if get_origin(part) is Literal and value is not None and value not in get_args(part):
            raise InputError(f"{name}={value}: valid choices are {', '.join(map(str, get_args(part)))}")


def nearest(word: str, valid: Iterable[str], prefix: str = "") -> str:
    """A phrase that names the valid words, the nearest ones first; `prefix` is put before the nearest."""
    names = list(valid)
    close = [prefix + name for name in get_close_matches(word, names, n=3, cutoff=0.6)]
    return (f"did you mean {' or '.join(close)}? Valid: " if close else "valid: ") + ", ".join(names)


@contextmanager
def mistakes_as_one_line(groups: Mapping[str, Any] = MappingProxyType({})) -> Iterator[None]:
    """Errors of Hydra, OmegaConf and YAML as `InputError`; an unknown key or choice gets the nearest valid ones.

    Args:
        groups: names that are valid beside the keys of the top level.
    """
    try:
        yield
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        raise InputError(_explained(error, groups)) from error


def _explained(error: BaseException, groups: Mapping[str, Any]) -> str:
    cause = _telling(error)
    if isinstance(cause, MissingConfigException) and cause.options:
        group, _, choice = str(cause.missing_cfg_file).rpartition("/")
        return f"unknown choice {group}={choice}; {nearest(choice, cause.options)}"
    key = getattr(cause, "full_key", None) or ""
    if isinstance(cause, ConfigKeyError | ConfigAttributeError) and isinstance(cause.parent_node, DictConfig):
        where, dot, name = key.rpartition(".")
        return f"unknown key '{key}'; {nearest(name, [*cause.parent_node, *(() if dot else groups)], where + dot)}"
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return f"{key}: {lines[0]}" if key else " ".join(lines[:3])


def _telling(error: BaseException) -> BaseException:
    """The error itself or that of its causes that names a key or a choice."""
    cause: BaseException | None = error
    while cause is not None:
        if getattr(cause, "full_key", None) or getattr(cause, "options", None):
            return cause
        cause = cause.__cause__ or cause.__context__
    return error
