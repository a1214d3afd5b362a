"""Annotated translations out of a multiway corpus: good ones, with errors put in by operations of known severity."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from parley.languages.table import CODES
from qe_model.annotations.annotation import SYNTHETIC_KNOWN, AnnotatedTranslation, ContextMessage
from qe_model.synthetic import meaning_operations, operations
from qe_model.synthetic.edits import Edit, apply_edits, compatible
from qe_model.synthetic.lexicon import Lexicon
from qe_model.synthetic.operations import Draft

Row = Mapping[str, str | None]  # row_id, domain, split, and a text or null per language
Operation = Callable[[Draft, random.Random], Edit | None]
OPERATIONS: Final[dict[str, Operation]] = {
    "omission": operations.omission,
    "addition": operations.addition,
    "mistranslation": operations.mistranslation,
    "slot_swap": operations.slot_swap,
    "antonym": meaning_operations.antonym,
    "negation": meaning_operations.negation,
    "number": meaning_operations.number,
    "name": meaning_operations.name,
    "unit": meaning_operations.unit,
    "untranslated": meaning_operations.untranslated,
    "wrong_language": meaning_operations.wrong_language,
    "sentence_swap": operations.sentence_swap,
    "word_order": operations.word_order,
    "shuffle": operations.shuffle,
    "spelling": operations.spelling,
    "inflection": operations.inflection,
    "repetition": operations.repetition,
}
_WHOLE: Final = ("wrong_language", "sentence_swap", "shuffle")  # they leave nothing to put another error in
_WEIGHTS: Final = [0.4 if name in _WHOLE else 1.0 for name in OPERATIONS]
_TRIES: Final = 6  # operations that do not apply are drawn again
_CLEAN: Final = 0.25  # share of the translations that stay as they are
_MORE: Final = 0.4  # chance of one more error after each: 1.7 errors on average in those that have any
_CONTEXT: Final = 0.2  # share of the translations with one to three messages before them, which decide nothing


def synthesize(
    rows: Sequence[Row], lexicon: Lexicon, wanted: Mapping[str, int], seed: int
) -> Iterator[AnnotatedTranslation]:
    """Translations of the rows into the language of the lexicon with errors, each from a source language drawn for it.

    What becomes of a row depends on the seed, the row and the language alone, not on other rows or their order, but
    for the words that the lexicon offers.

    Args:
        wanted: how many of each split, at most.
    """
    code = lexicon.code
    there = [row for row in rows if row.get(code) and _sources(row, code)]
    for split, count in wanted.items():
        candidates = [row for row in there if row["split"] == split]
        chosen = random.Random(f"{seed} {code} {split}").sample(candidates, min(count, len(candidates)))
        for row in chosen:
            yield _translation(row, candidates, lexicon, random.Random(f"{seed} {row['row_id']} {code}"))


def draw_errors(draft: Draft, count: int, rng: random.Random) -> list[tuple[str, Edit]]:
    """Up to `count` edits that do not meet each other, with their operations, in the order drawn."""
    edits: list[tuple[str, Edit]] = []
    for _ in range(count * _TRIES):
        if len(edits) >= count:
            break
        name = rng.choices(list(OPERATIONS), _WEIGHTS)[0]
        if edits and name in _WHOLE:
            continue
        edit = OPERATIONS[name](draft, rng)
        if edit is None or len(compatible([*(one for _, one in edits), edit])) == len(edits):
            continue
        edits.append((name, edit))
        if name in _WHOLE:
            break
    return edits


def _translation(row: Row, rows: Sequence[Row], lexicon: Lexicon, rng: random.Random) -> AnnotatedTranslation:
    code, source_lang = lexicon.code, rng.choice(_sources(row, lexicon.code))
    others = texts_of(row)
    draft = Draft(others[source_lang], others[code], source_lang, code, lexicon, others)
    count = 0 if rng.random() < _CLEAN else 1
    while count and rng.random() < _MORE:
        count += 1
    edits = draw_errors(draft, count, rng)
    target, spans = apply_edits(draft.target, [edit for _, edit in edits])
    return AnnotatedTranslation(
        id=f"synthetic:{row['row_id']}:{source_lang}-{code}",
        document=str(row["row_id"]),
        system="+".join(name for name, _ in edits) or "clean",
        source_lang=source_lang,
        target_lang=code,
        source=draft.source,
        target=target,
        context=_context(row, rows, source_lang, code, rng),
        spans=spans,
        known=SYNTHETIC_KNOWN,
        origin="synthetic",
        split=str(row["split"]),
        domain=str(row.get("domain") or ""),
    )


def _context(
    row: Row, rows: Sequence[Row], source_lang: str, code: str, rng: random.Random
) -> tuple[ContextMessage, ...]:
    """Messages of other rows, as the conversation before."""
    if rng.random() >= _CONTEXT:
        return ()
    drawn = [rng.choice(rows) for _ in range(rng.randint(1, 3))]
    kept = [one for one in drawn if one is not row and one.get(source_lang)]
    return tuple(ContextMessage(str(one[source_lang]), one[code]) for one in kept)


def texts_of(row: Row) -> dict[str, str]:
    """What a row says, by language."""
    return {code: text for code in CODES if (text := row.get(code))}


def _sources(row: Row, code: str) -> list[str]:
    return [other for other in texts_of(row) if other != code]
