"""Kinds of messages that the report tells apart: length, domain, slang, emoji, names, numbers, rare words and more.

A message is in one bucket of `length` and `domain`, and in `with` or `without` of every other kind.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from eval.scoring.direction_scores import LENGTH_BINS, length_label
from parley.languages.fixed_spans import FixedSpan, fixed_spans
from parley.languages.scripts import CharacterClass, class_counts, letter_count, own_letter_count
from parley.languages.table import LANGUAGES, pair

KINDS: Final = {
    "slang": "Slang",
    "mixed_language": "Mixed language",
    "emoji": "Emoji",
    "names": "Names",
    "numbers": "Numbers",
    "urls": "URLs",
    "rare_words": "Rare words",
}
LABELS: Final = {"length": "Length in characters", "domain": "Domain", **KINDS}  # as people call them
DOMAINS: Final = 8  # the largest of a direction; the others count as one
RARE: Final = 3  # a word seen fewer times in training is rare
TRAINING_ROWS: Final = 100_000  # of the training split that words are counted in
Frequent = Mapping[str, frozenset[str]]
Bucket = tuple[str, str]

# Two of these in another language of the Latin script: mixed with English. None is a usual word of the other nine.
_ENGLISH: Final = frozenset(
    "the and you your with this that what where when have has are they there from would could should about please "  # noqa: SIM905
    "thanks thank need want good help wait follow careful everyone let's don't i'm it's we're can't".split()
)
_LATIN_RUN = re.compile(r"[A-Za-z]{3,}")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_NAME = re.compile(r"\b[A-ZÀ-ÞА-Я][\w'’]{2,}\b")
_TOKEN = re.compile(r"[\w'’]+")
_STRETCHED = re.compile(r"([^\W\d_])\1{3,}")


def bucket_rows(
    direction: str, sources: Sequence[str], references: Sequence[str], domains: Sequence[str], frequent: Frequent
) -> dict[Bucket, list[int]]:
    """Lines of each bucket, by (kind, name), in the order in which they are shown; empty buckets are absent.

    Args:
        sources: [N] messages, with [N] references and domains.
        frequent: by language, what is not rare; languages that are absent have no bucket of rare words.
    """
    code = pair(direction)[0]
    rows: dict[Bucket, list[int]] = {("length", length_label(*bounds)): [] for bounds in LENGTH_BINS}
    shown = [name for name, _ in Counter(filter(None, domains)).most_common(DOMAINS)]
    rows |= {("domain", name): [] for name in [*shown, "others"] if name}
    kinds = [kind for kind in KINDS if kind != "rare_words" or code in frequent]
    rows |= {(kind, side): [] for kind in kinds for side in ("with", "without")}
    for line, (source, reference, domain) in enumerate(zip(sources, references, domains, strict=True)):
        rows["length", _length(source)].append(line)
        if domain:
            rows["domain", domain if domain in shown else "others"].append(line)
        found = source_kinds(source, code) | ({"names"} if _names(source, reference) else frozenset())
        if code in frequent and not words(source, code) <= frequent[code]:
            found |= {"rare_words"}
        for kind in kinds:
            rows[kind, "with" if kind in found else "without"].append(line)
    return {bucket: lines for bucket, lines in rows.items() if lines}


@cache
def source_kinds(text: str, code: str) -> frozenset[str]:
    """Which of slang, mixed_language, emoji, numbers and urls a message of language `code` has."""
    spans = fixed_spans(text)
    kinds = {span.kind for span in spans}
    tests = {
        "slang": _slang(text, code),
        "mixed_language": _mixed(_without(text, spans), code),
        "emoji": not kinds.isdisjoint(("emoji", "emoticons")),
        "numbers": any(letter.isdigit() for letter in text),
        "urls": not kinds.isdisjoint(("urls", "handles")),
    }
    return frozenset(kind for kind, found in tests.items() if found)


def words(text: str, code: str) -> frozenset[str]:
    """Distinct words, in lower case; letters in languages without spaces."""
    lower = text.lower()
    return frozenset(_WORD.findall(lower) if LANGUAGES[code].spaced else filter(str.isalpha, lower))


def frequent_words(texts: Iterable[str | None], code: str) -> frozenset[str]:
    """Words (or letters) that at least three of the texts have."""
    counts = Counter(word for text in texts if text for word in words(text, code))
    return frozenset(word for word, count in counts.items() if count >= RARE)


def corpus_frequent(folder: Path, codes: Sequence[str]) -> dict[str, frozenset[str]]:
    """`frequent_words` of some rows of a corpus's training split, by language."""
    from parley.corpus.store import Corpus

    corpus = Corpus.open(folder)
    known = [code for code in codes if code in corpus.languages]
    table = corpus.sample(known, count=TRAINING_ROWS)
    return {code: frequent_words(table[code].to_pylist(), code) for code in known}


def _length(text: str) -> str:
    return next(length_label(low, high) for low, high in LENGTH_BINS if not high or len(text) <= high)


@cache
def slang(code: str) -> frozenset[str]:
    """Abbreviations, laughter and fillers of chat: for telling slang messages from plain ones, no dictionary."""
    text = files("eval").joinpath("chat_words.tsv").read_text(encoding="utf-8")
    lists = dict(line.split("\t") for line in text.splitlines())
    return frozenset(f"{lists['all']} {lists.get(code, '')}".split())


def _slang(text: str, code: str) -> bool:
    lower = text.lower()
    found = set(_TOKEN.findall(lower))
    if slang(code) & found or _STRETCHED.search(lower):
        return True
    if not LANGUAGES[code].spaced or LANGUAGES[code].glues_laughter:
        return any(word in lower for word in slang(code) if not word.isascii() or word.isdigit())
    return False


def _without(text: str, spans: Sequence[FixedSpan]) -> str:
    """The text without URLs, handles and what else is of no language."""
    for span in reversed(spans):
        text = f"{text[: span.start]} {text[span.end :]}"
    return text


def _mixed(bare: str, code: str) -> bool:
    """Words of another script, or English ones in another language of the Latin script."""
    if LANGUAGES[code].script == "Latn":
        counts = class_counts(bare)
        foreign = letter_count(counts) - own_letter_count(counts, code)
        english = _ENGLISH & set(_TOKEN.findall(bare.lower())) if code != "en" else ()
        return foreign >= 2 or len(english) >= 2
    counts = class_counts(bare)
    other = letter_count(counts) - own_letter_count(counts, code) - counts[CharacterClass.LATIN]
    lower_runs = [run for run in _LATIN_RUN.findall(bare) if not run.isupper()]
    return other >= 2 or bool(lower_runs)


def _names(source: str, reference: str) -> bool:
    """Whether a capitalised word stands in the reference as it stands in the source."""
    return any(name in reference for name in _NAME.findall(source))
