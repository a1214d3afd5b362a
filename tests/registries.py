"""Registries that tests add entries to, and that are afterwards as they were."""

from typing import Any

import pytest

from parley.registry import Registry


def may_change(registry: Registry[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test register entries; they are gone at its end."""
    registry.names()  # the package's own are imported before, not during the test
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
