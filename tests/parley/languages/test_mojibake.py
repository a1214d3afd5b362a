"""Text that another table read is told from good text that looks like it."""

import numpy as np
import pytest

from parley.languages.mojibake import misread, suspected

GOOD = {
    "fr": "Où êtes-vous ? « À côté » – l’été…",
    "pl": "Miło znów cię widzieć",
    "ru": "Привет, как дела? Ещё раз…",
    "tr": "Çabuk gel, ışık yanıyor",
    "vi": "Tôi không biết nó ở đâu",
    "ja": "鍵はどこにあるの",
    "ko": "열쇠가 어디 있어",
    "zh": "你把钥匙放在哪里了呢",
}


def damaged(text: str, table: str) -> str | None:
    try:
        return text.encode("utf-8").decode(table)
    except UnicodeDecodeError:
        return None


@pytest.mark.parametrize("table", ["latin-1", "cp1252", "cp1251", "cp1250", "gb18030", "cp932"])
def test_text_that_was_read_by_the_wrong_table(table: str) -> None:
    told = ("ja", "ko", "zh") if table in ("gb18030", "cp932") else GOOD
    wrong = [text for good in map(GOOD.__getitem__, told) if (text := damaged(good, table))]
    assert wrong
    points = [np.array([*map(ord, text)], np.uint32) for text in wrong]
    assert all(suspected(each).any() for each in points)
    assert [text for text in wrong if not misread(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        *GOOD.values(), *map(str.upper, GOOD.values()), "«AMANHÃ» é a última vez", "«ĐÃ» ông già nói", "AMANHÃ»",
        "Я…", "С…", "ДА…", "É…", "网格", "増強", "呪い", "飾り枠", "联通", "NÃO", "5 € – “oui”",
        "木鎬尖斧", "艾米，艾米，艾米。", "邊框寬度",
    ],
)  # fmt: skip
def test_good_text_stays(text: str) -> None:
    assert not misread(text)
