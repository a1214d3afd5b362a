"""A small corpus folder in the store's form, in four languages of real words, for tests of what reads it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from parley.corpus import store

WORDS = {
    "en": "we need a healer now the boss is here group up push mid good game well played thanks see you",
    "fr": "on a besoin d'un soigneur là le boss est ici regroupez vous bien joué merci à plus l'équipe",
    "th": "เรา ต้องการ ฮีลเลอร์ ตอนนี้ บอส มา แล้ว รวมตัว กัน เล่น ดี มาก ขอบคุณ",
    "zh-Hans": "我们 现在 需要 治疗 首领 来了 集合 打得 好 谢谢 再见 快走",
}


def chat_message(code: str, number: int) -> str:
    """Message `number` of a language: 2 to 9 words and the number."""
    words = WORDS[code].split()
    count = 2 + number * 7 % 8
    joiner = "" if code in ("th", "zh-Hans") else " "
    return joiner.join(words[(number * 5 + index * index) % len(words)] for index in range(count)) + f" {number}"


def chat_rows(count: int = 240) -> dict[str, list[str | None]]:
    """Columns of a corpus; every fifth row lacks Thai, every seventh French."""
    columns: dict[str, list[str | None]] = {
        "row_id": [f"chat:{number}" for number in range(count)],
        "domain": ["chat"] * count,
        "split": ["dev" if number % 12 == 5 else "train" for number in range(count)],
        "origin": ["human"] * count,
    }
    for code in WORDS:
        every = {"th": 5, "fr": 7}.get(code, count + 1)
        columns[code] = [None if number % every == 0 else chat_message(code, number) for number in range(count)]
    return columns


def write_corpus(folder: Path, columns: Mapping[str, Sequence[str | None]], withheld: Sequence[str] = ()) -> Path:
    """Write columns as a corpus folder."""
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    store.write_corpus(table, folder, withheld)
    return folder
