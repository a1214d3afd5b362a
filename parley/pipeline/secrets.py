"""Secrets do not get into what is kept and shown: manifests, reports, logs, trackers."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

SECRET_NAME: Final = re.compile(
    r"(api|access|private|account)_?key|secret|passw(or)?d|passphrase|credential|authorization"
    r"|(^|(?<!per)[_-])(token|auth|sig|signature)$",
    re.IGNORECASE,
)
IN_ADDRESS: Final = re.compile(r"(?<=://)[^/@\s]+(?=@)")  # user:password@
IN_QUERY: Final = re.compile(r"(?<=[?&])([\w.-]+)=([^&#\s'\"]+)")  # name=value
HIDDEN: Final = "(hidden)"
SHORTEST: Final = 6  # characters of a secret that is looked for inside other texts


def public(value: Any) -> Any:
    """A config or other plain values without secrets: what stands under a secret's name, and what `hidden` finds."""
    if isinstance(value, Mapping):
        return {name: HIDDEN if _is_secret(name, item) else public(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [public(item) for item in value]
    return hidden(value) if isinstance(value, str) else value


def hidden(text: str, secrets: Iterable[str] = ()) -> str:
    """A text without secrets.

    Hidden are values of environment variables whose name looks like a secret's, users and passwords in addresses,
    parameters of addresses that look like a secret's, and `secrets`.
    """
    for secret in sorted({*secrets, *_of_environment()}, key=len, reverse=True):
        text = HIDDEN if secret == text else text.replace(secret, HIDDEN) if len(secret) >= SHORTEST else text
    text = IN_ADDRESS.sub(HIDDEN, text)
    return IN_QUERY.sub(lambda found: f"{found[1]}={HIDDEN}" if SECRET_NAME.search(found[1]) else found[0], text)


def secrets_of(value: Any) -> Iterator[str]:
    """The texts in a config whose key looks like a secret's."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if isinstance(item, str) and _is_secret(name, item):
                yield item
            yield from secrets_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_of(item)


def _is_secret(name: Any, item: Any) -> bool:
    return bool(item) and item is not True and SECRET_NAME.search(str(name)) is not None


def _of_environment() -> list[str]:
    return [text for name, text in os.environ.items() if text and SECRET_NAME.search(name)]
