"""The glossary file: a term a row, a column per language, and what people note of it.

term_id,en,de,variants,part_of_speech,definition,first_seen,source
loot,loot,Beute,en:looot|l00t;de:Beuten,noun,what enemies leave,2026-11,forum
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from parley.glossary.glossary import Glossary, Term
from parley.languages.normalisation import normalised_text
from parley.languages.scripts import CharacterClass, class_counts, letter_count, own_letter_count
from parley.languages.table import CODES
from parley.pipeline.errors import InputError
from parley.reading.rows import read_rows

KEY: Final = "term_id"
VARIANTS: Final = "variants"  # `en:looot|l00t;de:Beuten`
NOTES: Final = ("definition", "part_of_speech", "first_seen", "source")  # for people: nothing reads them
LONGEST: Final = 60  # characters: more is a message
_MARKUP: Final = re.compile(r"[<>{}\[\]|\\=%]|&\w+;|https?:|__")


def read_glossary(path: str | Path) -> Glossary:
    """Read and check a glossary; TSV, JSONL and Parquet will do as CSV does.

    Raises:
        InputError: unreadable file, unknown columns, less than two languages, or a row that is wrong, with its line.
    """
    where = str(path)
    terms: dict[str, Term] = {}
    first: dict[str, str] = {}  # line of each text of the first language
    for line, row in read_rows(Path(path), required=[KEY]):
        if not terms:
            _check_columns(where, row)
        term = _term(line, row)
        if term.key in terms:
            raise InputError(f"{line}: {KEY} '{term.key}' stands twice")
        code = next(code for code in row if code in CODES)
        text = term.forms.get(code, ("",))[0].casefold()
        if text and first.setdefault(text, line) is not line:
            raise InputError(f"{line}: the term '{text}' ({code}) stands already in {first[text]}; join the two rows")
        terms[term.key] = term
    if not terms:
        raise InputError(f"{where}: a glossary without terms")
    return Glossary(list(terms.values()), where)


def _check_columns(where: str, row: Mapping[str, Any]) -> None:
    known = {KEY, VARIANTS, *NOTES, *CODES}
    if unknown := [name for name in row if name not in known]:
        raise InputError(
            f"{where}: unknown column '{unknown[0]}'; known: {KEY} {VARIANTS} {' '.join(NOTES)} and {' '.join(CODES)}"
        )
    if sum(name in CODES for name in row) < 2:
        raise InputError(f"{where}: a glossary needs columns of two languages or more, such as en and de")


def _term(line: str, row: Mapping[str, Any]) -> Term:
    key = str(row[KEY] or "").strip()
    if not key:
        raise InputError(f"{line}: no {KEY}")
    forms: dict[str, tuple[str, ...]] = {
        code: (text,) for code in CODES if (text := normalised_text(str(row.get(code) or "")))
    }
    if len(forms) < 2:
        raise InputError(f"{line}: term '{key}' has text in fewer than two languages")
    for code, form in _variants(line, str(row.get(VARIANTS) or "")):
        if code not in forms:
            raise InputError(f"{line}: a variant in '{code}', where term '{key}' has no text")
        forms[code] = tuple(dict.fromkeys((*forms[code], form)))
    for code, texts in forms.items():
        for text in texts:
            if problem := _problem(text, code):
                raise InputError(f"{line}: {code} '{text[:LONGEST]}': {problem}")
    return Term(key, forms)


def _variants(line: str, cell: str) -> Iterator[tuple[str, str]]:
    for entry in filter(str.strip, cell.split(";")):
        code, colon, forms = entry.partition(":")
        if not colon or code.strip() not in CODES:
            raise InputError(f"{line}: {VARIANTS} '{entry.strip()}': write en:one|another;de:eins")
        yield from ((code.strip(), form) for form in map(normalised_text, forms.split("|")) if form)


def _problem(text: str, code: str) -> str:
    """What is wrong with a form, if anything is; names stay Latin in every script."""
    counts = class_counts(text)
    own = own_letter_count(counts, code)
    latin = counts[CharacterClass.LATIN] if own_letter_count(class_counts("a"), code) == 0 else 0
    if len(text) > LONGEST:
        return f"longer than {LONGEST} characters: a message, not a term"
    if _MARKUP.search(text):
        return "markup in a term"
    if own + latin < letter_count(counts):
        return f"letters that '{code}' is not written in"
    return "" if letter_count(counts) or any(map(str.isdigit, text)) else "no letter or digit"
