"""Secrets of a config do not get into what is kept and shown: manifests, reports, trackers."""

import os
import re
from collections.abc import Mapping
from typing import Any, Final

SECRET_NAME: Final = re.compile(
    r"(api|access|private|account)_?key|secret|passw(or)?d|passphrase|credential|authorization|(^|_)(token|auth)$",
    re.IGNORECASE,
)
IN_ADDRESS: Final = re.compile(r"(?<=://)[^/@\s]+(?=@)")  # user:password@
HIDDEN: Final = "(hidden)"
SHORTEST: Final = 6  # characters of a secret that is looked for inside other texts


def public(value: Any) -> Any:
    """A config or other plain values, secrets hidden.

    Hidden are values whose key looks like a secret's, texts with the value of an environment variable whose name does,
    and users and passwords in addresses.
    """
    return _public(value, [text for name, text in os.environ.items() if text and SECRET_NAME.search(name)])


def _public(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if item and SECRET_NAME.search(str(name)) and item is not True else _public(item, secrets)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_public(item, secrets) for item in value]
    if not isinstance(value, str):
        return value
    if any(secret == value or (len(secret) >= SHORTEST and secret in value) for secret in secrets):
        return HIDDEN
    return IN_ADDRESS.sub(HIDDEN, value)
