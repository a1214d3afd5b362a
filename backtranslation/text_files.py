"""Monolingual text from files, without the texts of dev and test."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backtranslation.config import TextFile
from parley.corpus.cleaning_config import CleaningConfig
from parley.corpus.decontamination import decontaminate
from parley.corpus.store import Corpus, filled
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
    parts = [corpus.held_out(split, ["row_id", "split", code]) for split in ("dev", "test")]
    held_out = pa.concat_tables(parts).filter(filled(code))
    schema = pa.schema([("row_id", pa.string()), ("split", pa.string()), (code, pa.string())])
    mine = pa.table([list(texts.values()), ["train"] * len(texts), list(texts)], schema=schema)
    kept, _ = decontaminate(pa.concat_tables([held_out.cast(schema), mine]), CleaningConfig())
    kept = kept.filter(pc.equal(kept["split"], "train"))
    return MonolingualText(kept[code].combine_chunks(), kept["row_id"].combine_chunks())
