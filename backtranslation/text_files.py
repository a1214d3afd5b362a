"""Monolingual text from files, without the texts of dev and test."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from backtranslation.config import TextFile
from parley.corpus.decontamination import HeldOutTexts
from parley.corpus.store import Corpus
from parley.pipeline.errors import InputError

MIN_CHARS: Final = 2  # shorter messages are left out
MAX_CHARS: Final = 300  # and longer ones


@dataclass(frozen=True)
class MonolingualText:
    """Texts [N] of a language and where each is from [N]: a row of the corpus, or file and line."""

    texts: pa.StringArray
    ids: pa.StringArray


def joined(parts: Sequence[MonolingualText]) -> MonolingualText:
    """The distinct texts of all parts, each where it came first."""
    texts = pa.concat_arrays([pa.array([], pa.string()), *(part.texts for part in parts)])
    ids = pa.concat_arrays([pa.array([], pa.string()), *(part.ids for part in parts)])
    _, first = np.unique(texts.dictionary_encode().indices.to_numpy(), return_index=True)
    places = pa.array(np.sort(first), pa.int64())
    return MonolingualText(texts.take(places), ids.take(places))


def file_texts(corpus: Corpus, files: Sequence[TextFile]) -> dict[str, MonolingualText]:
    """Language -> the texts of its files that fit in length and do not stand, exactly or nearly, in dev or test.

    Raises:
        InputError: a file that is missing or not UTF-8, or of a language that the corpus lacks.
    """
    found: dict[str, dict[str, str]] = {}
    for file in files:
        if file.language not in corpus.languages:
            raise InputError(f"{file.path}: '{file.language}' is not a language of this run")
        texts = found.setdefault(file.language, {})
        for text, place in _lines(Path(file.path)):
            if MIN_CHARS <= len(text) <= MAX_CHARS:
                texts.setdefault(text, place)
    return {code: _without_held_out(corpus, code, texts) for code, texts in found.items()}


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    text = " ".join(line.decode("utf-8-sig" if number == 1 else "utf-8").split())
                except UnicodeDecodeError as error:
                    raise InputError(f"{path}, line {number}: not valid UTF-8") from error
                yield text, f"{path.name}:{number}"
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _without_held_out(corpus: Corpus, code: str, texts: dict[str, str]) -> MonolingualText:
    held_out = [text for split in ("dev", "test") for text in corpus.held_out(split, [code])[code].to_pylist()]
    mine = pa.table([pa.array(texts, pa.string()), pa.array(texts.values(), pa.string())], [code, "row_id"])
    found = HeldOutTexts({code: held_out}).found_in(mine, np.ones(len(texts), bool))
    kept = mine.take(pa.array([row for row in range(len(texts)) if row not in found], pa.int64()))
    return MonolingualText(kept[code].combine_chunks(), kept["row_id"].combine_chunks())
