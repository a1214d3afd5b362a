"""The one way to load a folder of `transformers`: nothing in it is run, and what is wrong with it is one line."""

import json
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from parley.pipeline.errors import InputError, is_panic
from parley.reading.json_lines import json_object

SETTINGS: Final = ("config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json")
MOST_GROWTH: Final = 1_000  # characters that a tokenizer's replacements may make of one


def load_pretrained(loader: Any, name: str | Path, what: str, **settings: Any) -> Any:
    """`loader.from_pretrained`, without the folder's own code: `transformers` is not left to ask for consent on stdin,
    where the messages are.

    Args:
        loader: a class of `transformers`, such as `AutoTokenizer`.
        name: folder, or a name of the Hub.
        what: is loaded, in the error's words: model, tokenizer.
        settings: further arguments of `from_pretrained`.

    Raises:
        InputError: it cannot be loaded, or only by running code or kernels that it names.
    """
    files = [path for path in (Path(name) / file for file in SETTINGS) if path.is_file()]
    contents = {path.name: read_settings(path) for path in files}
    _check(Path(name), contents)
    try:
        with _panics_unseen():
            return loader.from_pretrained(str(name), trust_remote_code=False, **settings)
    except Exception as error:  # a folder of others makes `transformers` raise anything
        raise _refused(name, what, error, contents) from error
    except BaseException as error:
        if not is_panic(error):
            raise
        raise _refused(name, what, error, contents) from error


def read_settings(path: Path) -> dict[str, Any]:
    """A JSON object of a model folder.

    Raises:
        InputError: it is something else.
    """
    try:
        return json_object(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error


def _check(folder: Path, contents: dict[str, dict[str, Any]]) -> None:
    for key, value in _entries(contents.get("config.json", {})):
        if key.endswith("_implementation") and "/" in json.dumps(value):
            raise InputError(f"{folder / 'config.json'}: {key}={value} is code from elsewhere, which is never run")
    steps = [value for _, value in _entries(contents.get("tokenizer.json", {})) if _is_replacement(value)]
    if math.prod(max(1, len(str(step.get("content")))) for step in steps) > MOST_GROWTH:
        raise InputError(f"{folder / 'tokenizer.json'}: its replacements make over {MOST_GROWTH} characters of one")


def _is_replacement(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "Replace"


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value below; entries of lists have the key ''."""
    inner = value.items() if isinstance(value, dict) else (("", entry) for entry in value)
    for key, entry in inner:
        yield key, entry
        if isinstance(entry, dict | list) and key not in ("vocab", "merges", "added_tokens"):
            yield from _entries(entry)


def _refused(name: str | Path, what: str, error: BaseException, contents: dict[str, dict[str, Any]]) -> InputError:
    if "trust_remote_code" in str(error) and any("auto_map" in found for found in contents.values()):
        return InputError(f"{name}: the {what} needs code of its own (auto_map), which is never run")
    said = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{name}: the {what} cannot be loaded: {said[:200]}")


@contextmanager
def _panics_unseen() -> Iterator[None]:
    """Hold back what a panic of tokenizers prints; other words come out afterwards."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            said = held.read().decode("utf-8", "replace")
            if "panicked at" not in said:
                sys.stderr.write(said)
