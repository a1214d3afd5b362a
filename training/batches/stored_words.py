"""What hints are made of, read back from the encoded rows of a corpus: its glossary, and where its words stand."""

from typing import TYPE_CHECKING

import numpy as np

from parley.glossary.aligned_words import SAMPLE_ROWS, AlignedWords
from parley.glossary.glossary import Glossary
from parley.glossary.rows import ORIGIN, TERM_DOMAIN, glossary_of, never_hinted
from training.batches.encoded import EncodedCorpus

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def stored_glossary(encoded: EncodedCorpus, tokenizer: "Tokenizer") -> Glossary:
    """The terms that training may hint at."""
    origin, domain, ids = (np.array(encoded.fact(name).to_pylist(), object) for name in ("origin", "domain", "row_id"))
    rows = np.flatnonzero((origin == ORIGIN) & (domain == TERM_DOMAIN))
    texts = _texts(encoded, tokenizer, rows)
    found = glossary_of((ids[row], {code: texts[code][place] for code in texts}) for place, row in enumerate(rows))
    return Glossary([term for term in found.terms if not never_hinted(term)])


def stored_alignment(encoded: EncodedCorpus, tokenizer: "Tokenizer", seed: int) -> AlignedWords:
    """The words of some train rows."""
    rows = encoded.rows("train")
    chosen = np.random.default_rng(seed).choice(rows, min(len(rows), SAMPLE_ROWS), replace=False)
    return AlignedWords(_texts(encoded, tokenizer, chosen))


def _texts(encoded: EncodedCorpus, tokenizer: "Tokenizer", rows: "np.ndarray") -> dict[str, list[str]]:
    return {
        code: tokenizer.decode_batch([encoded.tokens(code, row).tolist() for row in rows.tolist()])
        for code in encoded.languages
    }
