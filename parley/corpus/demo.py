"""The demo corpus: phrases from `demo_phrases/*.yaml`, composed into chat messages in the languages of the phrases.

- A message is one to three phrases with slots filled, joined as the language joins sentences, sometimes with an emoji.
- Every phrase stands alone in a train row; dev and test rows are compositions that no train row holds in any language.
- No train row holds both languages of a withheld pair; dev and test rows are complete, to measure the pair.
- With a hub, the second language of each withheld pair is rare: it stands in train beside the hub and nothing else, as
  text of small languages stands beside English.
"""

import hashlib
import random
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import yaml

from parley.languages.normalisation import normalise
from parley.languages.table import CODES, pair
from parley.pipeline.errors import InputError

PHRASES: Final = Path(__file__).parent / "demo_phrases"

_SLOTS: Final = ("{name}", "{number}")
# Latin names of players that begin with a consonant: French "de {name}" and Spanish "y {name}" then need no other form.
# fmt: off
_NAMES: Final = (
    "Bexley", "Brimo", "Calyx", "Corvo", "Dax", "Drako", "Falko", "Fenrir77", "Fizzle", "Garrok", "Glimmer",
    "Jinxo", "Kairo", "Kestrel", "Kiwi42", "Lumo", "LunaPix", "Mavro", "Miko", "MintFox", "Nebula", "Nimbo",
    "NovaFox", "Pako", "Pip", "Pixelle", "Quill", "Ravno", "Rikko", "Rumble", "Sable", "Solari", "Sparky", "Suki",
    "Tavi", "Tenko", "Turbo99", "Vanta", "Vexor", "Volt", "Wisp", "Yumi", "Zaff", "Zephyr", "Zorvex", "xDuskx",
    "xKaro",
)
# fmt: on
# Numbers that take the genitive plural in Polish and Russian, so that a phrase has one form.
_NUMBERS: Final = tuple(str(n) for n in range(5, 101) if n % 10 in (0, 5, 6, 7, 8, 9) or 10 < n < 15)
_EMOJI: Final = tuple("😀😂😎😅😭🔥👍🎉💪🙏👀🏆")
_EMOJI_SHARE: Final = 0.15
_SAME_THEME_SHARE: Final = 0.6  # neighbours of one theme read as one message
_LENGTHS: Final = {"train": (0.6, 0.28, 0.12), "held-out": (0.25, 0.5, 0.25)}  # shares of one, two, three phrases
_SENTENCE_END: Final = ("。", "！", "？")
_TRIES_PER_ROW: Final = 50  # a draw that was seen before is drawn again


@dataclass(frozen=True)
class DemoConfig:
    """What the demo corpus is made of.

    Attributes:
        train_rows: messages to train on, at least one for each phrase.
        dev_rows, test_rows: held-out messages, unseen in train in every language.
        withhold_pairs: `xx-yy` pairs of which every train row leaves one language empty.
        hub: the language that stands beside the second language of a withheld pair; empty: all others do.
        rare_share: share of the train rows that hold one such second language and the hub, for each of them.
        seed: another seed, other messages from the same phrases.
    """

    train_rows: int = 6000
    dev_rows: int = 64
    test_rows: int = 128
    withhold_pairs: list[str] = field(default_factory=lambda: ["fr-th", "ko-pt", "tr-vi", "id-pl"])
    hub: str = ""
    rare_share: float = 0.15
    seed: int = 1

    def __post_init__(self) -> None:
        for key in ("train_rows", "dev_rows", "test_rows"):
            if getattr(self, key) < 0:
                raise InputError(f"{key} is {getattr(self, key)}: it must not be negative")
        for withheld in self.withhold_pairs:
            pair(withheld)
        if self.hub and self.hub not in {*CODES} - {code for name in self.withhold_pairs for code in pair(name)}:
            raise InputError(f"hub is '{self.hub}': it must be a language of the demo outside the withheld pairs")
        if not 0 < self.rare_share * len(self.withhold_pairs) <= 1 and self.hub:
            raise InputError(f"rare_share is {self.rare_share}: for each withheld pair, together at most 1")


@dataclass(frozen=True)
class Phrase:
    """One utterance in every language; `theme` is the name of its file, `texts` maps code to text with slots."""

    key: str
    theme: str
    texts: Mapping[str, str] = field(compare=False)  # the key tells phrases apart

    @property
    def slots(self) -> tuple[str, ...]:
        """The slots to fill, in the order of `_SLOTS`."""
        return tuple(slot for slot in _SLOTS if slot in self.texts["en"])


@dataclass(frozen=True)
class DemoMessage:
    """Phrases in order, the value of each slot of each phrase, and an emoji or the empty string."""

    phrases: tuple[Phrase, ...]
    values: tuple[tuple[str, ...], ...]
    emoji: str

    def texts(self) -> dict[str, str]:
        """The message in every language."""
        return {code: self.text(code) for code in self.phrases[0].texts}

    def text(self, code: str) -> str:
        """The message in one language."""
        parts = [self._filled(index, code) for index in range(len(self.phrases))]
        return join([*parts, self.emoji] if self.emoji else parts)

    def _filled(self, index: int, code: str) -> str:
        text = self.phrases[index].texts[code]
        for slot, value in zip(self.phrases[index].slots, self.values[index], strict=True):
            text = text.replace(slot, value)
        return text


def compose_demo(config: DemoConfig, folder: Path = PHRASES) -> pa.Table:
    """Compose the corpus: equal configs and phrases give equal tables, on any machine.

    Returns:
        Table with row_id, domain (theme of the first phrase), split, origin and one string column per language,
        sorted by row_id; null only where train leaves out a language of a withheld pair.

    Raises:
        InputError: phrases that cannot be used, or too few of them for the rows asked for.
    """
    phrases = load_phrases(folder)
    if config.train_rows < len(phrases):
        raise InputError(f"train_rows is {config.train_rows}: it must be at least {len(phrases)}, one for each phrase")
    rng = random.Random(config.seed)
    train = _train_messages(phrases, config.train_rows, rng)
    held_out = _held_out_messages(phrases, train, config.dev_rows + config.test_rows, rng)
    rows = [_with_gaps(_row(message, "train"), config) for message in train]
    for index, message in enumerate(held_out):
        rows.append(_row(message, "dev" if index < config.dev_rows else "test"))
    columns = ("row_id", "domain", "split", "origin", *languages_of(phrases))
    schema = pa.schema([(column, pa.string()) for column in columns])
    return pa.Table.from_pylist(sorted(rows, key=lambda row: row["row_id"] or ""), schema=schema)


def languages_of(phrases: Iterable[Phrase]) -> list[str]:
    """English and the other languages that phrases are written in, in the order of the table."""
    written = {"en"}.union(*(phrase.texts for phrase in phrases))
    return [code for code in CODES if code in written]


def join(parts: Iterable[str]) -> str:
    """Put sentences of one message after one another: a space, but none after 。！？ of Japanese and Chinese."""
    joined = ""
    for part in parts:
        joined += part if not joined or joined.endswith(_SENTENCE_END) else f" {part}"
    return joined


def folded(text: str) -> str:
    """Letters, marks and digits only, case folded: what decides whether two messages are the same."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in plain if unicodedata.category(character)[0] in "LMN")


def load_phrases(folder: Path = PHRASES) -> tuple[Phrase, ...]:
    """Read every `*.yaml` of a folder, sorted by key.

    Raises:
        InputError: no file, broken YAML, a key twice, a language unknown or missing that another phrase has, slots
            that differ, text that is empty, not normalised, or two phrases with the same text in a
            language.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise InputError(f"{folder}: no phrase file (*.yaml)")
    found: dict[str, Phrase] = {}
    for file in files:
        for phrase in _read_file(file):
            if phrase.key in found:
                raise InputError(f"{file}: {phrase.key}: this key is also in {found[phrase.key].theme}.yaml")
            found[phrase.key] = phrase
    phrases = tuple(found[key] for key in sorted(found))
    codes = languages_of(phrases)
    for phrase in phrases:
        problem = _problem(phrase.texts, codes)
        if problem:
            raise InputError(f"{folder / phrase.theme}.yaml: {phrase.key}: {problem}")
    _check_unique(phrases, folder)
    return phrases


class _Loader(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
    """All scalars stay strings ("No" is no boolean), and a key that stands twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' stands twice", key.start_mark)
        return super().construct_mapping(node, deep)


def _read_file(file: Path) -> Iterator[Phrase]:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{file}: {' '.join(str(error).split())}") from error
    if not isinstance(content, list):
        raise InputError(f"{file}: expected a list of phrases that begin with '- key:'")
    for position, entry in enumerate(content, start=1):
        if not isinstance(entry, dict) or not isinstance(entry.get("key"), str):
            raise InputError(f"{file}: phrase {position} does not begin with '- key:'")
        yield Phrase(entry.pop("key"), file.stem, entry)


def _problem(texts: Mapping[str, Any], codes: Sequence[str]) -> str | None:
    """What is wrong with the texts of one phrase, if anything is."""
    missing = [code for code in codes if not isinstance(texts.get(code), str) or not texts[code]]
    if missing:
        return f"no text for {' '.join(missing)}"
    unknown = sorted(set(texts) - set(CODES))
    if unknown:
        return f"unknown language {' '.join(unknown)}; valid codes: {' '.join(CODES)}"
    slots = sorted(re.findall(r"\{.*?\}", texts["en"]))
    if not set(slots) <= set(_SLOTS) or len(slots) != len(set(slots)):
        return f"slots may be {' and '.join(_SLOTS)}, each once, but en has {' '.join(slots)}"
    for code in codes:
        if sorted(re.findall(r"\{.*?\}", texts[code])) != slots:
            return f"{code} has not the slots of en ({' '.join(slots) or 'none'})"
    for code, tidy in zip(texts, normalise(pa.array(texts.values())).to_pylist(), strict=True):
        if texts[code] != tidy:
            return f"{code} is not normalised (docs/corpus.md): write '{tidy}'"
    return None


def _check_unique(phrases: Iterable[Phrase], folder: Path) -> None:
    seen: dict[tuple[str, str], Phrase] = {}
    for phrase in phrases:
        for code, text in phrase.texts.items():
            other = seen.setdefault((code, folded(text)), phrase)
            if other is not phrase:
                file = folder / f"{phrase.theme}.yaml"
                raise InputError(f"{file}: {phrase.key}: {code} is the same text as {other.key} in {other.theme}.yaml")


def _train_messages(phrases: tuple[Phrase, ...], count: int, rng: random.Random) -> list[DemoMessage]:
    """Every phrase alone once, then messages drawn at random, all different."""
    messages = [_filled((phrase,), rng) for phrase in phrases]
    seen = set(messages)

    def is_new(message: DemoMessage) -> bool:
        known = message in seen
        seen.add(message)
        return not known

    draw = _drawing(phrases, _LENGTHS["train"], rng)
    return messages + _draw_until(count - len(messages), draw, is_new)


def _held_out_messages(
    phrases: tuple[Phrase, ...], train: Iterable[DemoMessage], count: int, rng: random.Random
) -> list[DemoMessage]:
    """Compositions that are new as a sequence of phrases and, in each language, as text."""
    texts = {(code, folded(text)) for message in train for code, text in message.texts().items()}
    sequences = {message.phrases for message in train if len(message.phrases) > 1}

    def is_new(message: DemoMessage) -> bool:
        keys = {(code, folded(text)) for code, text in message.texts().items()}
        if message.phrases in sequences or keys & texts:
            return False
        texts.update(keys)
        if len(message.phrases) > 1:
            sequences.add(message.phrases)
        return True

    return _draw_until(count, _drawing(phrases, _LENGTHS["held-out"], rng), is_new)


def _draw_until(
    count: int, draw: Callable[[], DemoMessage], accept: Callable[[DemoMessage], bool]
) -> list[DemoMessage]:
    messages: list[DemoMessage] = []
    for _ in range(count * _TRIES_PER_ROW):
        if len(messages) == count:
            break
        message = draw()
        if accept(message):
            messages.append(message)
    if len(messages) < count:
        raise InputError(f"the phrases give only {len(messages)} of {count} different messages: ask for fewer rows")
    return messages


def _drawing(phrases: tuple[Phrase, ...], lengths: tuple[float, ...], rng: random.Random) -> Callable[[], DemoMessage]:
    themes: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        themes.setdefault(phrase.theme, []).append(phrase)

    def draw() -> DemoMessage:
        chosen = [rng.choice(phrases)]
        for _ in range(rng.choices(range(len(lengths)), lengths)[0]):
            near = rng.random() < _SAME_THEME_SHARE
            chosen.append(rng.choice(themes[chosen[-1].theme] if near else phrases))
        return _filled(tuple(dict.fromkeys(chosen)), rng)  # a phrase drawn twice is said once

    return draw


def _filled(phrases: tuple[Phrase, ...], rng: random.Random) -> DemoMessage:
    pools = {"{name}": _NAMES, "{number}": _NUMBERS}
    values = tuple(tuple(rng.choice(pools[slot]) for slot in phrase.slots) for phrase in phrases)
    return DemoMessage(phrases, values, rng.choice(_EMOJI) if rng.random() < _EMOJI_SHARE else "")


def _row(message: DemoMessage, split: str) -> dict[str, str | None]:
    texts = message.texts()
    row_id = f"demo-{_hash(texts['en']):016x}"
    return {"row_id": row_id, "domain": message.phrases[0].theme, "split": split, "origin": "human", **texts}


def _with_gaps(row: dict[str, str | None], config: DemoConfig) -> dict[str, str | None]:
    """The train row without one language of each withheld pair, or with a rare language and the hub alone."""
    pairs = [pair(withheld) for withheld in config.withhold_pairs]
    if not config.hub:
        left_out = {names[_hash(f"{row['row_id']} {'-'.join(names)}") % 2] for names in pairs}
    else:
        rare = [second for _, second in pairs]
        place = int(_hash(f"{row['row_id']} {config.hub}") / 2**64 / config.rare_share)
        left_out = {*CODES} & {*row} - {rare[place], config.hub} if place < len(rare) else {*rare}
    return row | dict.fromkeys(sorted(left_out))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
