"""Chinese and Japanese in Latin letters, as they are typed without an input method."""

from dataclasses import replace
from random import Random

from parley.corpus.augmentation.registry import AUGMENTATIONS, Message
from parley.corpus.augmentation.words import in_all_words
from parley.languages.scripts import CHINESE, CharacterClass, class_counts


@AUGMENTATIONS.register("romanised")
def romanised(message: Message, draw: Random) -> Message:
    """The source in pinyin without tones, or in romaji where it is kana alone: no reading of kanji is guessed."""
    counts = class_counts(message.source)
    if message.source_language.startswith("zh"):
        return replace(message, source=in_all_words(message.source, _pinyin).strip())
    if message.source_language == "ja" and not any(counts[kind] for kind in CHINESE) and counts[CharacterClass.KANA]:
        return replace(message, source=in_all_words(message.source, _romaji))
    return message


def _pinyin(text: str) -> str:
    from pypinyin import lazy_pinyin

    return "".join(f"{part} " for part in map(str.strip, lazy_pinyin(text)) if part)


def _romaji(text: str) -> str:
    from jaconv import kana2alphabet, kata2hira

    return str(kana2alphabet(kata2hira(text)))
