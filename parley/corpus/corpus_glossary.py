"""The glossary that a corpus carries among its rows."""

import pyarrow.compute as pc

from parley.corpus.store import Corpus
from parley.glossary.glossary import Glossary
from parley.glossary.rows import ORIGIN, TERM_DOMAIN, glossary_of


def corpus_glossary(corpus: Corpus) -> Glossary:
    """Its terms; none where it has no source of `format: glossary`."""
    wanted = (pc.field("domain") == TERM_DOMAIN) & (pc.field("origin") == ORIGIN)
    found = corpus.scan(["row_id", *corpus.languages], where=wanted) if TERM_DOMAIN in corpus.domains else ()
    rows = [row for batch in found for row in batch.to_pylist()]
    return glossary_of((row.pop("row_id"), row) for row in rows)
