"""Moses sources: aligned files of lines."""

from pathlib import Path

import pytest

from parley.pipeline.errors import InputError
from tests.parley.corpus.sources.conftest import Opened, rows


def test_lines_become_rows(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "chat.en").write_text("yes\nno\n", encoding="utf-8")
    (tmp_path / "chat.zh_cn").write_text("是\r\n不\n", encoding="utf-8")
    reader = opened("moses", "chat.{language}", columns={"en": "en", "zh_cn": "zh-Hans"})
    assert reader.head().rows == 2
    assert rows(reader) == [{"en": "yes", "zh-Hans": "是"}, {"en": "no", "zh-Hans": "不"}]


def test_three_files_make_rows_of_three_languages(tmp_path: Path, opened: Opened) -> None:
    for code in ("en", "fr", "th"):
        (tmp_path / f"chat.{code}").write_text(f"{code}\n")
    assert rows(opened("moses", "chat.{language}", languages=["en", "fr", "th"])) == [
        {"en": "en", "fr": "fr", "th": "th"}
    ]


@pytest.mark.parametrize("step", ["head", "tables"])
def test_misaligned_files_are_named_with_their_lengths(tmp_path: Path, opened: Opened, step: str) -> None:
    (tmp_path / "chat.en").write_text("yes\nno\n")
    (tmp_path / "chat.fr").write_text("oui\n")
    reader = opened("moses", "chat.{language}", languages=["en", "fr"])
    with pytest.raises(InputError, match=r"not aligned: lines differ: .*chat\.en has 2, .*chat\.fr has 1"):
        reader.head() if step == "head" else rows(reader)


def test_a_missing_side_is_named(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "chat.en").write_text("yes\n")
    with pytest.raises(InputError, match=r"no file for 'fr' at .*chat\.fr"):
        opened("moses", "chat.{language}", languages=["en", "fr"]).head()


def test_a_path_without_language_is_refused(opened: Opened) -> None:
    with pytest.raises(InputError, match=r"needs \{language\} in its path"):
        opened("moses", "chat.en", languages=["en", "fr"]).head()
