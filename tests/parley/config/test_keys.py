"""The settings of a run stay few enough to be read."""

from collections.abc import Iterator
from typing import Final

import yaml

from parley.config.composition import compose_text
from scripts.pipeline import RunConfig

AT_MOST: Final = 200
TABLES: Final = {("data", "sources"), ("gates", "rules"), ("batching", "pair_weights")}  # people add rows to them


def keys(node: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key below a node, tables of rows as one."""
    if isinstance(node, dict) and path not in TABLES:
        for name, below in node.items():
            yield (*path, name)
            yield from keys(below, (*path, name))


def test_a_run_of_every_room_has_few_keys() -> None:
    composed = yaml.safe_load(compose_text(RunConfig, "pipeline", ["experiment=demo"]))
    assert len(list(keys(composed))) <= AT_MOST
