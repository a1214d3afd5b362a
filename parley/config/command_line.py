"""The entry of every script: `key=value` arguments, `--help`, and errors as one clear line.

A script with a few arguments declares a dataclass and calls `run(main, Arguments)`. A script that takes a whole Hydra
config calls `run(main, RunConfig, config_name="pipeline")` and gets the composed, typed config.
"""

import dataclasses
import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar, get_args, get_origin

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from parley.config.typed_config import build, check_key, field_help, hints, schema_of, type_name
from parley.pipeline.atomic import raise_if_full
from parley.pipeline.errors import InputError

ConfigT = TypeVar("ConfigT")
DISK_ERRORS: Final = {errno.EROFS, errno.EACCES}
HELP_FLAGS: Final = {"--help", "-h", "help=true"}
SWEEP_FLAGS: Final = {"-m", "--multirun"}


def argument(help: str, default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field with help text; without a default it is required. A list may be the default."""
    if isinstance(default, list | dict):
        kept = default
        return dataclasses.field(default_factory=lambda: type(kept)(kept), metadata={"help": help})
    return dataclasses.field(default=default, metadata={"help": help})


def run(
    main: Callable[[ConfigT], None],
    schema: type[ConfigT],
    config_name: str | None = None,
    argv: Sequence[str] | None = None,
    sweep: Callable[[list[tuple[list[str], ConfigT]]], None] | None = None,
) -> NoReturn:
    """Parse the command line, call `main`, and exit.

    Exit codes: 0 done, 1 bad input (one line on stderr), 130 interrupted. Other exceptions are bugs and keep their
    traceback.

    Args:
        schema: dataclass of the arguments. Field help comes from `argument(...)` or the docstring's `Attributes:`.
        config_name: a Hydra config under configs/; None for a script with plain `key=value` arguments.
        argv: arguments without the program's name; default `sys.argv[1:]`.
        sweep: what `-m` or `--multirun` calls with the words and config of every job, all of them composed before any
            is run; None for a script that has no multirun.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if config_name is not None:
            from parley.config import composition

            if HELP_FLAGS.intersection(words):
                sys.exit(print(_about(main) + composition.help_text(schema, config_name, words)))
            if "--cfg" in words:
                rest = [word for word in words if word != "--cfg"]
                sys.exit(print(composition.compose_text(schema, config_name, rest)))
            if sweep is not None and SWEEP_FLAGS.intersection(words):
                jobs = composition.expand_sweep([word for word in words if word not in SWEEP_FLAGS])
                sweep([(job, composition.compose_config(schema, config_name, job)) for job in jobs])
            else:
                main(composition.compose_config(schema, config_name, words))
        elif HELP_FLAGS.intersection(words):
            print(_about(main) + help_text(schema))
        else:
            main(parse_arguments(schema, words))
    except InputError as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("interrupted; the same command goes on from the last checkpoint", code=130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains again at exit
        sys.exit(1)
    except Exception as error:
        _fail_if_disk(error)
        raise
    sys.exit(0)


def fail(message: str, code: int = 1) -> NoReturn:
    """Print one line on stderr and exit."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


def parse_arguments(schema: type[ConfigT], words: Sequence[str]) -> ConfigT:
    """Read `key=value` words into a dataclass. Lists are written `a,b,c`; `null` stands for None.

    Raises:
        InputError: unknown, repeated or missing key, a word without `=`, or a value of the wrong type.
    """
    given: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise InputError(f"'{word}' is not key=value; keys are {', '.join(hints(schema))} (see --help)")
        check_key(schema, key)
        if key in given:
            raise InputError(f"key '{key}' is given twice")
        given[key] = _value(hints(schema)[key], text)
    missing = [name for name in _required(schema) if name not in given]
    if missing:
        raise InputError(f"missing: {' '.join(f'{name}=...' for name in missing)} (see --help)")
    return build(schema, _typed(schema, given))


def help_text(schema: type) -> str:
    """One line per argument: key, type, default, meaning."""
    texts, required = field_help(schema), _required(schema)
    fields = [field for field in dataclasses.fields(schema) if field.init]
    head = ["Arguments (key=value):"]
    return "\n".join(head + [_help_line(f, hints(schema)[f.name], f.name in required, texts[f.name]) for f in fields])


def _help_line(field: "dataclasses.Field[Any]", hint: Any, required: bool, text: str) -> str:
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    note = "required" if required else f"default {_shown(default)}"
    return f"  {field.name + '=' + type_name(hint):<28} {text} ({note})"


def _shown(value: Any) -> str:
    if value is None or value == "" or value == []:
        return "none"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _required(schema: type) -> list[str]:
    none = dataclasses.MISSING
    return [f.name for f in dataclasses.fields(schema) if f.init and f.default is none and f.default_factory is none]


def _value(hint: Any, text: str) -> Any:
    """Text to value where OmegaConf needs help: lists and None. The rest it converts by the field's type."""
    if text == "null":
        return None
    kinds = [hint, *get_args(hint)]
    if any(get_origin(kind) in (list, tuple) for kind in kinds):
        inside = text.removeprefix("[").removesuffix("]")
        return [part.strip() for part in inside.split(",") if part.strip()]
    return text


def _typed(schema: type, given: dict[str, Any]) -> dict[str, Any]:
    """Convert each value by its field's type; one at a time, so that the message names the key."""
    node = OmegaConf.structured(schema_of(schema))
    for key, value in given.items():
        try:
            node[key] = value
        except OmegaConfBaseException as error:
            raise InputError(f"{key}={value}: {str(error).splitlines()[0]}") from error
    container = OmegaConf.to_container(node)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def _fail_if_disk(error: Exception) -> None:
    """A disk that is full, read-only or closed to this user is no bug of ours: one line."""
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        fail(f"{error.strerror}: {error.filename or 'while writing'}")
    try:
        raise_if_full(error, Path.cwd())
    except InputError as full:
        fail(str(full))


def _about(main: Callable[..., None]) -> str:
    text = (sys.modules[main.__module__].__doc__ or "").strip()
    return f"{text}\n\n" if text else ""
