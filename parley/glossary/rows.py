"""A glossary as rows of a corpus: a row for each term and for each further form of it, and sentences with the term.

The corpus carries the glossary to whatever reads it, training and evaluation, so none of them needs the file.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from zlib import crc32

from parley.glossary.glossary import Glossary, Term

ORIGIN: Final = "glossary"  # of the rows
TERM_DOMAIN, CARRIER_DOMAIN = "term", "carrier"
NEVER_HINTED: Final = 5  # one of so many terms stands in no hint of training: what hints on unseen terms do is measured
_FORM: Final = "~"  # between a term's id and the number of a further form
Row = Mapping[str, str | None]


def term_rows(glossary: Glossary) -> Iterator[dict[str, str | None]]:
    """`row_id`, `domain` and the languages: the forms of the dictionary, then each further form among them."""
    for term in glossary.terms:
        plain = {code: forms[0] for code, forms in term.forms.items()}
        further = [(code, form) for code, forms in term.forms.items() for form in forms[1:]]
        yield {"row_id": term.key, "domain": TERM_DOMAIN, **plain}
        for number, (code, form) in enumerate(further, start=1):
            yield {"row_id": f"{term.key}{_FORM}{number}", "domain": TERM_DOMAIN, **plain, code: form}


def glossary_of(rows: Iterable[tuple[str, Row]]) -> Glossary:
    """The glossary of rows that `term_rows` made, as (row_id, texts by language); their order does not matter."""
    forms: dict[str, dict[str, dict[str, None]]] = {}
    for row_id, texts in sorted(rows, key=lambda row: (len(row[0]), row[0])):
        own = forms.setdefault(row_id.partition(_FORM)[0], {})
        for code, text in texts.items():
            if text:
                own.setdefault(code, {})[text] = None
    return Glossary([Term(key, {code: tuple(some) for code, some in own.items()}) for key, own in forms.items()])


def never_hinted(term: Term) -> bool:
    """Whether training makes no hints on a term."""
    return crc32(term.key.encode()) % NEVER_HINTED == 0
