"""TMX sources."""

from pathlib import Path

import pytest

from parley.pipeline.errors import InputError
from tests.parley.corpus.sources.conftest import Opened, rows

UNITS = """<?xml version="1.0" encoding="{encoding}"?>
<tmx version="1.4"><header srclang="en"/><body>
<tu><tuv xml:lang="EN-US"><seg>Hello <bpt i="1">&lt;b&gt;</bpt>you<ept i="1">&lt;/b&gt;</ept>!</seg></tuv>
    <tuv xml:lang="fr"><seg>Salut &amp; toi</seg></tuv><tuv xml:lang="sw"><seg>habari</seg></tuv></tu>
<tu><tuv lang="zh-Hant-TW"><seg>你好</seg></tuv><tuv lang="en"><seg>Hi</seg></tuv></tu>
</body></tmx>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_units_become_rows_without_markup(tmp_path: Path, opened: Opened, encoding: str) -> None:
    (tmp_path / "a.tmx").write_bytes(UNITS.format(encoding=encoding).encode(encoding))
    reader = opened("tmx", "a.tmx")
    assert reader.head().languages == ["en", "fr", "zh-Hant"]
    found = [{code: text for code, text in row.items() if text} for row in rows(reader)]
    assert found == [{"en": "Hello you!", "fr": "Salut & toi"}, {"en": "Hi", "zh-Hant": "你好"}]


def test_declared_languages_only(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.tmx").write_text(UNITS.format(encoding="utf-8"), encoding="utf-8")
    reader = opened("tmx", "a.tmx", languages=["en", "fr"])
    assert rows(reader) == [{"en": "Hello you!", "fr": "Salut & toi"}, {"en": "Hi", "fr": None}]


def test_own_spelling_of_languages(tmp_path: Path, opened: Opened) -> None:
    text = UNITS.format(encoding="utf-8").replace('"fr"', '"French"')
    (tmp_path / "a.tmx").write_text(text, encoding="utf-8")
    reader = opened("tmx", "a.tmx", columns={"EN-US": "en", "French": "fr"})
    assert rows(reader)[0]["fr"] == "Salut & toi"


def test_broken_xml_is_named_by_line(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.tmx").write_text(UNITS.format(encoding="utf-8")[:-20], encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.tmx: not well-formed XML: .*line 5"):
        rows(opened("tmx", "a.tmx"))


def test_a_file_without_our_languages_is_refused(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.tmx").write_text("<tmx><body><tu/></body></tmx>")
    with pytest.raises(InputError, match=r"a\.tmx: no translation unit in any language"):
        opened("tmx", "a.tmx").head()
