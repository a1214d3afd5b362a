"""What other programs leave in text: entities, new emoji, tables that were mistaken. Through the filters, in order."""

from typing import Any

import pyarrow as pa
import pytest

from parley.corpus.cleaning import Cleaner
from parley.corpus.config import CleaningConfig
from parley.corpus.rows import corpus_schema


def cleaned(en: str, fr: str) -> list[dict[str, Any]]:
    row = {"row_id": "1", "domain": "x", "split": "train", "origin": "human", "en": en, "fr": fr}
    table = pa.Table.from_pylist([row], schema=corpus_schema(["en", "fr"]))
    rows, _ = Cleaner(CleaningConfig(), ["en", "fr"]).clean(table)
    return [{"en": found["en"], "fr": found["fr"]} for found in rows.to_pylist()]


@pytest.mark.parametrize(
    ("en", "fr", "becomes"),
    [
        ("Tom &amp; Ana won&#39;t come", "Tom &amp;amp; Ana restent", ("Tom & Ana won't come", "Tom & Ana restent")),
        ("it&apos;s &quot;ours&quot;", "c&#x27;est &laquo;&nbsp;à moi&raquo;", ('it\'s "ours"', "c'est « à moi»")),
        ("AT&T &xyzzy; stays", "AT&T &xyzzy; reste", ("AT&T &xyzzy; stays", "AT&T &xyzzy; reste")),
    ],
)  # fmt: skip
def test_entities_become_what_they_stand_for(en: str, fr: str, becomes: tuple[str, str]) -> None:
    assert cleaned(en, fr) == [{"en": becomes[0], "fr": becomes[1]}]


@pytest.mark.parametrize("emoji", ["\U0001fae9", "\U0001fa77", "\U0001f6dc", "\U0001faff"])
def test_emoji_that_unicode_took_in_lately_are_no_damage(emoji: str) -> None:
    assert cleaned(f"so tired {emoji} today", f"si fatigué {emoji} ce jour") != []


@pytest.mark.parametrize("wrong", ["Nous avons dÃ©jÃ  mangÃ©", "le chÃ¢teau est bas", "parti aquÃ\xad", "amis \ufffd"])
def test_what_was_read_wrongly_is_dropped(wrong: str) -> None:
    assert cleaned("We have already eaten", wrong) == []
