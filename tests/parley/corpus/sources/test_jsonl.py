"""JSON lines sources."""

from pathlib import Path

import pytest

from parley.pipeline.errors import InputError
from tests.parley.corpus.sources.conftest import Opened, rows


def test_nested_translations_and_holes(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.jsonl").write_text('{"translation": {"en": "yes", "pt_BR": "sim"}}\n{"translation": {"en": "no"}}\n')
    reader = opened("jsonl", "a.jsonl")
    assert reader.head().languages == ["en", "pt"]
    assert rows(reader) == [{"en": "yes", "pt": "sim"}, {"en": "no", "pt": None}]


def test_types_are_observed(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.jsonl").write_text('{"en": null, "n": 1}\n{"en": "a", "n": 2}\n')
    assert opened("jsonl", "a.jsonl").head().columns == {"en": "string", "n": "int64"}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 2: not JSON"),
        ("[1]", "line 2: not a JSON object"),
        ('{"en": 3}', "line 2: 'en' is int64, it must be string"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, opened: Opened, line: str, problem: str) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"en": "yes"}}\n{line}\n')
    with pytest.raises(InputError, match=problem):
        rows(opened("jsonl", "a.jsonl"))
