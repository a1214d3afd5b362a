"""What `--help` says: choices with the comment they begin with, keys as the docstrings of their classes tell them."""

import dataclasses
from collections.abc import Sequence
from inspect import cleandoc
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from parley.config.schema import hints


def arguments_help(schema: type) -> str:
    """One line per argument of a script: key, type, meaning, default."""
    lines = ["Arguments (key=value):"]
    for field in dataclasses.fields(schema):
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        note = "required" if default is dataclasses.MISSING else f"default {_shown(default)}"
        key = f"{field.name}={type_name(hints(schema)[field.name])}"
        lines.append(f"  {key:<28} {field.metadata.get('help', '')} ({note})")
    return "\n".join(lines)


def run_help(schema: type, root: Path, groups: dict[str, list[str]], words: Sequence[str] = ()) -> str:
    """Groups with their choices, and the keys: of the top level, or of the groups that `words` name (`--help data`).

    Args:
        schema: config class of the root config.
        root: the root config; a group that its defaults list does not name is left out.
        groups: choices of every group.
    """
    asked = [hints(schema)[word] for word in words if dataclasses.is_dataclass(hints(schema).get(word))]
    if asked:
        return "\n\n".join(cleandoc(cls.__doc__ or "") for cls in asked)
    listed = root.read_text(encoding="utf-8")
    lines = [
        f"  {group}={choice:<{24 - len(group)}} {_title(root.parent / group / f'{choice}.yaml')}"
        for group in groups if f"- {group}:" in listed for choice in groups[group]
    ]  # fmt: skip
    keys = cleandoc(schema.__doc__ or "").partition("Attributes:\n")[2]
    about = "--help GROUP: the keys of that group (GROUP.key=value). --cfg: the composed config, nothing is run."
    return "\n".join(["Choices (group=choice):", *lines, "", "Groups and keys (key=value):", keys, about])


def type_name(hint: Any) -> str:
    """A field's type as help shows it; whether it may be null shows in its default."""
    kinds = [part for part in get_args(hint) if part is not NoneType]
    if get_origin(hint) is Literal:
        return "|".join(map(str, kinds))
    if get_origin(hint) in (list, dict):
        return f"{get_origin(hint).__name__}[{type_name(kinds[-1])}]"
    return type_name(kinds[0]) if kinds else getattr(hint, "__name__", str(hint))


def _title(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.lstrip("# ") for line in lines if line.startswith("#") and "@package" not in line), "")


def _shown(value: Any) -> str:
    if value is None or value in ("", []):
        return "none"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
