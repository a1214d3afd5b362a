"""The entry of every script: `key=value` arguments, `--help`, and errors as one clear line.

A script with a few arguments declares a dataclass and calls `run(main, Arguments)`. A script that takes a whole Hydra
config calls `run(main, RunConfig, config_name="pipeline")` and gets the composed, typed config.
"""

import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar, get_args, get_origin

from omegaconf import OmegaConf

from parley.config.help import arguments_help, run_help
from parley.config.schema import hints, mistakes_as_one_line, schema_of
from parley.pipeline.atomic import raise_if_full, raise_if_refused
from parley.pipeline.errors import InputError, is_panic
from parley.pipeline.secrets import hidden

ConfigT = TypeVar("ConfigT")
Sweep = Callable[[list[tuple[list[str], ConfigT]]], None]
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
    sweep: Sweep[ConfigT] | None = None,
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
        _check_text(words)
        if config_name is not None:
            _run_composed(main, schema, config_name, words, sweep)
        elif HELP_FLAGS.intersection(words):
            print(_about(main) + arguments_help(schema))
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
    except BaseException as error:
        if is_panic(error):
            fail(f"the tokenizer of a model gave up: {error}")
        raise
    sys.exit(0)


def _run_composed(
    main: Callable[[ConfigT], None],
    schema: type[ConfigT],
    config_name: str,
    words: list[str],
    sweep: Sweep[ConfigT] | None,
) -> None:
    from parley.config.composition import CONFIGS, compose_config, compose_text, expand_sweep, groups

    if HELP_FLAGS.intersection(words):
        print(_about(main) + run_help(schema, CONFIGS / f"{config_name}.yaml", groups(), words))
    elif "--cfg" in words:
        print(compose_text(schema, config_name, [word for word in words if word != "--cfg"]))
    elif sweep is not None and SWEEP_FLAGS.intersection(words):
        jobs = expand_sweep([word for word in words if word not in SWEEP_FLAGS])
        sweep([(job, compose_config(schema, config_name, job)) for job in jobs])
    else:
        main(compose_config(schema, config_name, words))


def fail(message: str, code: int = 1) -> NoReturn:
    """Print one line on stderr and exit."""
    print(f"error: {hidden(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(code)


def parse_arguments(schema: type[ConfigT], words: Sequence[str]) -> ConfigT:
    """Read `key=value` words into a dataclass. Lists are written `a,b,c`; `null` stands for None.

    Raises:
        InputError: unknown, repeated or missing key, a word without `=`, or a value of the wrong type.
    """
    node, types, given = OmegaConf.structured(schema_of(schema)), hints(schema), set()
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise InputError(f"'{word}' is not key=value; keys are {', '.join(types)} (see --help)")
        if key in given:
            raise InputError(f"key '{key}' is given twice")
        given.add(key)
        with mistakes_as_one_line():
            node[key] = _value(types.get(key), text)
    with mistakes_as_one_line():
        if missing := sorted(OmegaConf.missing_keys(node)):
            raise InputError(f"missing: {' '.join(f'{name}=...' for name in missing)} (see --help)")
        arguments = OmegaConf.to_object(node)
    assert isinstance(arguments, schema)
    return arguments


def _check_text(words: Sequence[str]) -> None:
    """Refuse words with bytes that are no UTF-8 (Python reads them as surrogates): nothing could tell or store them."""
    for word in words:
        if "\0" in word or word.encode("utf-8", "replace").decode() != word:
            raise InputError(f"{word!a} is not a text in UTF-8")


def _value(hint: Any, text: str) -> Any:
    """Text to value where OmegaConf needs help: lists and None. The rest it converts by the field's type."""
    if text == "null":
        return None
    if any(get_origin(kind) is list for kind in (hint, *get_args(hint))):
        inside = text.removeprefix("[").removesuffix("]")
        return [part.strip() for part in inside.split(",") if part.strip()]
    return text


def _fail_if_disk(error: Exception) -> None:
    """A disk that is full, read-only or closed to this user is no bug of ours: one line."""
    try:
        raise_if_refused(error)
        raise_if_full(error, Path.cwd())
    except InputError as line:
        fail(str(line))


def _about(main: Callable[..., None]) -> str:
    text = (sys.modules[main.__module__].__doc__ or "").strip()
    return f"{text}\n\n" if text else ""
