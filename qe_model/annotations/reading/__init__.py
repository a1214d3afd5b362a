"""Human annotations from the forms they are published in, as one form."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.annotations.reading.error_spans import read_error_spans
from qe_model.annotations.reading.mqm_parquet import read_mqm_parquet
from qe_model.annotations.reading.mqm_tsv import read_mqm_tsv
from qe_model.annotations.reading.sentence_labels import read_sentence_labels
from qe_model.annotations.reading.word_tags import read_word_tags

Reader = Callable[[Path], Iterator[AnnotatedTranslation]]
READERS: Final[dict[str, Reader]] = {
    "mqm_parquet": read_mqm_parquet,
    "mqm_tsv": read_mqm_tsv,
    "word_tags": read_word_tags,
    "error_spans": read_error_spans,
    "sentence_labels": read_sentence_labels,
}


def reader(form: str) -> Reader:
    """The reader of a form.

    Raises:
        InputError: no such form; the message lists them.
    """
    if form not in READERS:
        raise InputError(f"no reader for '{form}': the forms are {' '.join(READERS)}")
    return READERS[form]
