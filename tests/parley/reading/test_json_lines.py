import pytest

from parley.pipeline.errors import InputError
from parley.reading.json_lines import json_object


def test_an_object() -> None:
    assert json_object('{"en": "go", "th": null}\n', "here") == {"en": "go", "th": None}


@pytest.mark.parametrize(("line", "says"), [("{", "x line 3: not JSON: "), ("[1]", "x line 3: not a JSON object")])
def test_a_broken_line_is_named(line: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        json_object(line, "x line 3")
