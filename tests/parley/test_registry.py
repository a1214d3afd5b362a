"""Registries find the entries of their package, take others, and name the nearest when asked for a wrong one."""

import sys
from pathlib import Path

import pytest

from parley.pipeline.errors import InputError
from parley.registry import Registry

ENTRY = 'from {package} import COLOURS\n\n@COLOURS.register("{name}")\nclass Colour:\n    pass\n'


@pytest.fixture
def colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[type]:
    package = f"colours_{abs(hash(tmp_path))}"
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").write_text(
        f"from parley.registry import Registry\nCOLOURS = Registry('colour', '{package}')\n"
    )
    for name in ("red", "green"):
        (folder / f"{name}.py").write_text(ENTRY.format(package=package, name=name))
    monkeypatch.syspath_prepend(tmp_path)
    __import__(package)
    found: Registry[type] = sys.modules[package].COLOURS
    return found


def test_entries_are_found_in_the_package(colours: Registry[type]) -> None:
    assert colours.names() == ["green", "red"]
    assert colours["red"].__name__ == "Colour"


def test_an_entry_can_come_from_outside(colours: Registry[type]) -> None:
    colours.register("blue")(int)
    assert colours["blue"] is int
    assert "blue" in colours


def test_a_wrong_name_is_answered_with_the_nearest(colours: Registry[type]) -> None:
    with pytest.raises(InputError, match="unknown colour 'gren'; choose green"):
        colours["gren"]


def test_a_name_is_given_once(colours: Registry[type]) -> None:
    colours.register("blue")(int)
    with pytest.raises(ValueError, match="two entries of colour are called 'blue'"):
        colours.register("blue")(str)
