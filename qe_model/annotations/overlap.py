"""Annotated texts in the corpus: a teacher that has read them knows the good translations from the bad by heart.

Its states and scores would then tell the labels where QE learns and nothing where it is tested.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from parley.corpus.store import Corpus
from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.annotations.splits import tells_a_document

LEARNT_FROM = ("train", "dev")  # splits that a teacher trains or is tuned on


def refuse_overlap(corpus: Path, translations: Iterable[AnnotatedTranslation]) -> None:
    """Hold annotated texts, in the normal form, against the rows of a corpus that models learn from; short ones recur.

    Raises:
        InputError: some are there; it names the sources of the corpus and the way out.
    """
    opened, texts = Corpus.open(corpus), _texts(translations)
    found: Counter[str] = Counter()
    for code in sorted(set(opened.languages) & set(texts)):
        for split in LEARNT_FROM:
            for batch in opened.scan(["domain", code], split, where=pc.field(code).is_valid()):
                found.update(batch.filter(pc.is_in(batch[code], texts[code]))["domain"].to_pylist())
    if found:
        named = ", ".join(f"{domain} ({count:,})" for domain, count in found.most_common(5))
        raise InputError(
            f"qe_data: {found.total():,} texts of the corpus are annotated ones, which a teacher would know by heart: "
            f"{named}; name the annotated files in data.protected, as data=annotated does"
        )


def _texts(translations: Iterable[AnnotatedTranslation]) -> dict[str, pa.Array]:
    """Texts by language, those that are long enough to tell where they are from."""
    found: dict[str, set[str]] = {}
    for one in translations:
        for code, text in ((one.source_lang, one.source), (one.target_lang, one.target)):
            if tells_a_document(text, code):
                found.setdefault(code, set()).add(text)
    return {code: pa.array(sorted(texts), pa.string()) for code, texts in found.items()}
