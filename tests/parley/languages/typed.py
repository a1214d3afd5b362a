"""A message in each language, and the ways in which it reaches us that nobody sees on the screen."""

import unicodedata
from collections.abc import Callable
from typing import Final

MESSAGES: Final = {
    "en": "Don't break my house!", "es": "¿Dónde está el jefe mañana?", "fr": "Désolé, ça commence déjà !",
    "de": "Für größere Häuser brauchst du Gold.", "it": "Perché il ponte è già giù?",
    "pt": "Não há mais poções, irmão.", "pl": "Zażółć gęślą jaźń, łowco!", "ru": "Ещё мой ключ у тебя?",
    "tr": "Işığı söndür, İngilizce öğren.", "id": "Ayo kita serang menara itu.",
    "vi": "Mình bị mất đồ rồi, cậu ơi.", "th": "น้ำแดงทำที่นี่ และ ขึ้นเรือ", "ja": "ボスが あの部屋で待っています。",
    "ko": "보스를 잡고 열쇠를 얻자!", "zh-Hans": "我们 一起去打首领吧！", "zh-Hant": "我們 一起去打首領吧！",
}  # fmt: skip
VIETNAMESE_TONES: Final = "\u0300\u0301\u0303\u0309\u0323"


def windows_keyboard(text: str) -> str:
    """Vowels composed with their own mark, tones behind them, as the Vietnamese keyboard of Windows types them."""
    plain = unicodedata.normalize("NFD", text)
    tones = "".join(f"\ue000{mark}" if mark in VIETNAMESE_TONES else mark for mark in plain)
    return unicodedata.normalize("NFC", tones).replace("\ue000", "")


def thai_halves(text: str) -> str:
    """Vowels in two halves, tones in front of vowels."""
    for whole, halves in (("น้ำ", "นํ้า"), ("ำ", "ํา"), ("แ", "เเ"), ("ี่", "่ี"), ("ึ้", "้ึ")):
        text = text.replace(whole, halves)
    return text


CHANGES: Final[dict[str, Callable[[str], str]]] = {
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "Windows keyboard": windows_keyboard,
    "Thai halves": thai_halves,
    "non-breaking spaces": lambda text: text.replace(" ", "\u00a0"),
    "narrow spaces": lambda text: text.replace(" ", "\u202f"),
    "wide spaces": lambda text: text.replace(" ", "\u3000"),
    "double spaces": lambda text: f"  {text.replace(' ', '  ')}  ",
    "tabs and ends of lines": lambda text: text.replace(" ", "\t") + "\r\n",
    "byte order mark": lambda text: f"\ufeff{text}",
    "zero-width spaces": lambda text: "\u200b".join(text),
    "joiners": lambda text: f"{text[:4]}\u200d{text[4:8]}\u2060{text[8:]}\u200c",
    "soft hyphens": lambda text: f"{text[:3]}\u00ad{text[3:]}",
    "direction marks": lambda text: f"\u200e\u202a{text}\u202c",
    "controls": lambda text: f"{text[:2]}\x00{text[2:]}\x1b",
}
TYPED: Final = [change(text) for change in CHANGES.values() for text in MESSAGES.values()]
CLEAN: Final = list(MESSAGES.values()) * len(CHANGES)
SOURCES: Final = list(MESSAGES) * len(CHANGES)
INVISIBLE: Final = ["\u200b", "\ufeff", "\u00a0", "\u2060", "\u200e\u00ad", "\u3164", "\u2800", "\ufe0f", "\t \r"]
