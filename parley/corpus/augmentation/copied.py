"""What a translation takes over as it is, put beside source and target, so that copying is learnt."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from string import ascii_letters, digits
from typing import Final

from parley.corpus.augmentation.registry import AUGMENTATIONS, Message

_EMOJI: Final = tuple("😀😂🤣😅😊😍😘😎🤔😭😡👍👎👏🙏💪🔥💯🎉👀🏆💀✨🎮")
_EMOTICONS: Final = (":)", ":(", ":D", ";)", ":P", "xD", "XD", ":3", "<3", "^^", "T_T", "._.", ":'(", ">:(", "o7")
_ENDS: Final = (".com", ".gg", ".net", ".tv", ".io/en", ".org/wiki")
_PLACEHOLDERS: Final = ("{_}", "{{_}}", "<_>", "${_}", "%s", "%d")
_IN_FRONT: Final = 1 / 4  # of the messages; handles and emoji stand behind more often


@AUGMENTATIONS.register("emoji")
def emoji(message: Message, draw: Random) -> Message:
    """An emoji, up to three times, or an emoticon on both sides."""
    some = draw.choice(_EMOJI) * draw.randint(1, 3) if draw.random() < 0.7 else draw.choice(_EMOTICONS)
    return _on_both_sides(message, some, draw)


@AUGMENTATIONS.register("copied")
def copied(message: Message, draw: Random) -> Message:
    """A handle, URL, hashtag, number, placeholder or filtered text (`####`) on both sides."""
    return _on_both_sides(message, draw.choice(_PIECES)(draw), draw)


def _on_both_sides(message: Message, piece: str, draw: Random) -> Message:
    """A target that is not there yet stays empty."""
    in_front = draw.random() < _IN_FRONT
    texts = [f"{piece} {text}" if in_front else f"{text} {piece}" for text in (message.source, message.target)]
    return replace(message, source=texts[0], target=texts[1] if message.target else "")


def _name(draw: Random) -> str:
    """Letters that are no word, as players call themselves; half of them with digits."""
    letters = "".join(draw.choice("bcdfghjklmnprstvwxz") + draw.choice("aeiou") for _ in range(draw.randint(2, 4)))
    cased = draw.choice((letters, letters.capitalize(), letters.upper()))
    return cased + str(draw.randrange(1000)) * draw.randint(0, 1)


def _url(draw: Random) -> str:
    path = "/" + "".join(draw.choices(ascii_letters + digits, k=draw.randint(3, 8)))
    return draw.choice(("https://", "www.", "")) + _name(draw).lower() + draw.choice(_ENDS) + path * draw.randint(0, 1)


def _number(draw: Random) -> str:
    number = draw.randrange(10 ** draw.randint(1, 5))
    return draw.choice((f"{number}", f"{number / 10}", f"{number}%", f"+{number}", f"{number}k", f"{number:,}"))


_PIECES: Final[tuple[Callable[[Random], str], ...]] = (
    lambda draw: f"@{_name(draw)}",
    _url,
    lambda draw: f"#{_name(draw)}",
    _number,
    lambda draw: draw.choice(_PLACEHOLDERS).replace("_", _name(draw).lower()),
    lambda draw: "#" * draw.randint(3, 8),
)
