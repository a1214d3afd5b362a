"""Between frozen dataclasses and OmegaConf.

OmegaConf makes a frozen dataclass read-only before it is filled in, and knows no `Literal`. So each config class has a
mutable mirror (`schema_of`), which is what the ConfigStore holds, and the real class is built once from the composed
values (`build`), which runs its `__post_init__` checks.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from inspect import cleandoc, getsource
from types import NoneType, UnionType
from typing import Any, Final, Literal, Optional, TypeVar, Union, get_args, get_origin, get_type_hints

from omegaconf import MISSING

from parley.pipeline.errors import InputError

ConfigT = TypeVar("ConfigT")
SEQUENCES: Final = (list, tuple)


def hints(cls: type) -> dict[str, Any]:
    """Resolved field types of a dataclass, by field name."""
    return _hints(cls)


@cache
def _hints(cls: type) -> dict[str, Any]:
    types = get_type_hints(cls)
    return {field.name: types[field.name] for field in dataclasses.fields(cls) if field.init}


@cache
def schema_of(cls: type) -> type:
    """A mutable dataclass with the fields of `cls`, in types that OmegaConf knows; required fields are `???`."""
    fields = [(f.name, _schema_type(hints(cls)[f.name]), _schema_default(f, hints(cls)[f.name])) for f in _init(cls)]
    return dataclasses.make_dataclass(cls.__name__, fields, kw_only=True)


def build(cls: type[ConfigT], values: Mapping[str, Any], at: str = "") -> ConfigT:
    """Make the frozen config from plain composed values.

    Raises:
        InputError: a value outside its `Literal`, or refused by the class's own checks.
    """
    where = f"{at}." if at else ""
    made = {name: _convert(hints(cls)[name], value, f"{where}{name}") for name, value in values.items()}
    return cls(**made)


def field_help(cls: type) -> dict[str, str]:
    """What each field is for: its metadata `help`, its line under `Attributes:`, or the comment above it."""
    documented = _comments(cls) | _attributes(cls)
    return {f.name: f.metadata.get("help") or documented.get(f.name, "") for f in _init(cls)}


def nested(hint: Any) -> type | None:
    """The dataclass that a field of this type holds, if any: itself, optional, or as list and dict items."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return hint
    return next((found for part in get_args(hint) if (found := nested(part))), None)


def check_key(cls: type, key: str) -> None:
    """Hold a dotted key against the schema.

    Raises:
        InputError: no such key; the message names the nearest ones.
    """
    here: type | None = cls
    hint: Any = cls
    for depth, part in enumerate(key.split(".")):
        if here is None:
            if _container(hint):  # free keys of a dict, or indices of a list
                return
            raise InputError(f"key '{key}': '{'.'.join(key.split('.')[:depth])}' is a single value, it has no keys")
        if here is not hint and _container(hint) and (part.isdigit() or get_origin(hint) is dict):
            hint = here  # an item of a list or dict of dataclasses
            continue
        if part not in hints(here):
            prefix = "".join(f"{p}." for p in key.split(".")[:depth])
            raise InputError(f"unknown key '{key}'; {nearest(part, list(hints(here)), prefix)}")
        hint = hints(here)[part]
        here = nested(hint)


def nearest(word: str, valid: list[str], prefix: str = "") -> str:
    """A phrase that names the valid words, the nearest ones first; `prefix` is put before the nearest."""
    close = [prefix + name for name in get_close_matches(word, valid, n=3, cutoff=0.6)]
    if close:
        return f"did you mean {' or '.join(close)}? Valid: {', '.join(valid)}"
    return f"valid: {', '.join(valid)}"


def type_name(hint: Any) -> str:
    """A field's type as help text shows it; whether it may be null shows in its default."""
    bare, _ = _optional(hint)
    if get_origin(bare) is Literal:
        return "|".join(str(choice) for choice in get_args(bare))
    if get_origin(bare) in (*SEQUENCES, dict):
        return f"{get_origin(bare).__name__}[{type_name(get_args(bare)[-1])}]"
    return getattr(bare, "__name__", str(bare))


def _init(cls: type) -> Iterator["dataclasses.Field[Any]"]:
    return (field for field in dataclasses.fields(cls) if field.init)


def _optional(hint: Any) -> tuple[Any, bool]:
    """The type without None, and whether None was allowed."""
    if get_origin(hint) not in (Union, UnionType):
        return hint, False
    parts = [part for part in get_args(hint) if part is not NoneType]
    return Union[tuple(parts)], len(parts) < len(get_args(hint))  # noqa: UP007  (built at run time)


def _container(hint: Any) -> bool:
    return get_origin(_optional(hint)[0]) in (*SEQUENCES, dict)


def _schema_type(hint: Any) -> Any:
    bare, optional = _optional(hint)
    if optional:
        return Optional[_schema_type(bare)]  # noqa: UP045  (built at run time)
    origin, parts = get_origin(bare), get_args(bare)
    if isinstance(bare, type) and dataclasses.is_dataclass(bare):
        return schema_of(bare)
    if origin is Literal:
        return type(parts[0])
    if origin in SEQUENCES:
        return list[_schema_type(parts[0])]  # type: ignore[misc]
    if origin is dict:
        return dict[parts[0], _schema_type(parts[1])]  # type: ignore[misc,valid-type]
    return bare


def _schema_default(field: "dataclasses.Field[Any]", hint: Any) -> Any:
    if field.default is not dataclasses.MISSING:
        default = field.default
    elif field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    elif isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return dataclasses.field(default_factory=schema_of(hint))
    else:
        return MISSING
    plain = _mirror_value(default)
    return dataclasses.field(default_factory=lambda: plain)


def _mirror_value(value: Any) -> Any:
    """A default in the mirror's types; OmegaConf copies it into a node, so that sharing it is safe."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        mirror = schema_of(type(value))
        return mirror(**{f.name: _mirror_value(getattr(value, f.name)) for f in _init(type(value))})
    if isinstance(value, SEQUENCES):
        return [_mirror_value(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _mirror_value(item) for key, item in value.items()}
    return value


def _convert(hint: Any, value: Any, at: str) -> Any:
    bare, _ = _optional(hint)
    origin, parts = get_origin(bare), get_args(bare)
    if value is None:
        return None
    if isinstance(bare, type) and dataclasses.is_dataclass(bare):
        return build(bare, value, at)
    if origin is Literal and value not in parts:
        raise InputError(f"{at}={value}: valid choices are {', '.join(map(str, parts))}")
    if origin in SEQUENCES:
        return origin(_convert(parts[0], item, f"{at}[{index}]") for index, item in enumerate(value))
    if origin is dict:
        return {key: _convert(parts[1], item, f"{at}.{key}") for key, item in value.items()}
    return value


def _comments(cls: type) -> dict[str, str]:
    """Comment lines directly above fields: name -> text in one line."""
    try:
        source = getsource(cls)
    except OSError:  # a class made at run time
        return {}
    found = re.findall(r"((?:^ +# .*\n)+) +(\w+):", source, re.MULTILINE)
    return {name: " ".join(text.replace("#", " ").split()) for text, name in found}


def _attributes(cls: type) -> dict[str, str]:
    """The `Attributes:` section of a docstring: name -> text in one line. Several names may share a line."""
    _, found, section = re.sub("^Args:$", "Attributes:", cleandoc(cls.__doc__ or ""), flags=re.MULTILINE).partition(
        "Attributes:\n"
    )
    entries = re.findall(r"^    (\w[\w, ]*): (.*(?:\n {5,}.*)*)", section, re.MULTILINE) if found else []
    return {name: " ".join(text.split()) for names, text in entries for name in names.split(", ")}
