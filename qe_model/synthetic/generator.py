"""Annotated translations out of a multiway corpus: good translations, damaged by operations whose severity is known."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from parley.languages.table import CODES
from qe_model.annotations.annotation import AnnotatedTranslation, ContextMessage, ErrorSpan, Known, penalty
from qe_model.synthetic import meaning_operations, operations
from qe_model.synthetic.config import OPERATION_NAMES, SyntheticConfig
from qe_model.synthetic.edits import Edit, apply_edits, compatible
from qe_model.synthetic.lexicon import Lexicon, build_lexicon, shared_names
from qe_model.synthetic.operations import Draft

Row = Mapping[str, str | None]  # row_id, domain, split, and a text or null per language
Operation = Callable[[Draft, random.Random], Edit | None]
OPERATIONS: Final[dict[str, Operation]] = {
    "omission": operations.omission,
    "addition": operations.addition,
    "mistranslation": operations.mistranslation,
    "slot_swap": operations.slot_swap,
    "glossary_swap": meaning_operations.glossary_swap,
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
    "agreement": operations.agreement,
    "repetition": operations.repetition,
}
_WHOLE: Final = ("wrong_language", "sentence_swap", "shuffle")  # they leave nothing to damage further
_KNOWN: Final[frozenset[Known]] = frozenset({"severity", "dimension", "gaps"})
_TRIES: Final = 6  # operations that do not apply are drawn again


def lexicons(
    rows: Sequence[Row], codes: Iterable[str], glossary: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Lexicon]:
    """What the rows show of each language; give it train rows only.

    Args:
        glossary: terms by language, `glossary[code]`.
    """
    wanted = list(codes)
    names = set[str]().union(*(shared_names(_texts(row)) for row in rows))
    return {
        code: build_lexicon(
            code, [text for row in rows if (text := row.get(code))], names, (glossary or {}).get(code, ())
        )
        for code in wanted
    }


def synthesize(
    rows: Sequence[Row], known: Mapping[str, Lexicon], config: SyntheticConfig
) -> Iterator[AnnotatedTranslation]:
    """Damaged translations of the rows into every language of `known`, from a source language drawn for each.

    What becomes of a row depends on the seed, the row and the language alone, not on other rows or their order, but
    for the words that the lexicons offer.
    """
    for code, lexicon in known.items():
        there = [row for row in rows if row.get(code) and _sources(row, code)]
        for split, wanted in (("train", config.per_language), ("dev", config.held_out), ("test", config.held_out)):
            candidates = [row for row in there if row["split"] == split]
            chosen = random.Random(f"{config.seed} {code} {split}").sample(candidates, min(wanted, len(candidates)))
            for row in chosen:
                rng = random.Random(f"{config.seed} {row['row_id']} {code}")
                yield _translation(row, candidates, lexicon, config, rng)


def damage(
    draft: Draft, count: int, rng: random.Random, config: SyntheticConfig | None = None
) -> list[tuple[str, Edit]]:
    """Up to `count` edits that do not meet each other, with their operations, in the order drawn."""
    weights, names = (config or SyntheticConfig()).weights(), OPERATION_NAMES
    edits: list[tuple[str, Edit]] = []
    for _ in range(count * _TRIES):
        if len(edits) >= count:
            break
        name = rng.choices(names, weights)[0]
        if edits and name in _WHOLE:
            continue
        edit = OPERATIONS[name](draft, rng)
        if edit is None or len(compatible([*(one for _, one in edits), edit])) == len(edits):
            continue
        edits.append((name, edit))
        if name in _WHOLE:
            break
    return edits


def _translation(
    row: Row, rows: Sequence[Row], lexicon: Lexicon, config: SyntheticConfig, rng: random.Random
) -> AnnotatedTranslation:
    code, source_lang = lexicon.code, rng.choice(_sources(row, lexicon.code))
    others = _texts(row)
    draft = Draft(others[source_lang], others[code], source_lang, code, lexicon, others)
    count = 0 if rng.random() < config.clean_share else 1
    while count and rng.random() < config.more_errors:
        count += 1
    edits = damage(draft, count, rng, config)
    target, spans = apply_edits(draft.target, [edit for _, edit in edits])
    return AnnotatedTranslation(
        id=f"synthetic:{row['row_id']}:{source_lang}-{code}",
        document=str(row["row_id"]),
        system="+".join(name for name, _ in edits) or "clean",
        source_lang=source_lang,
        target_lang=code,
        source=draft.source,
        target=target,
        context=_context(row, rows, source_lang, code, config.context_share, rng),
        spans=spans,
        known=_KNOWN,
        score=-penalty(spans),
        score_kind="mqm",
        reference=draft.target,
        origin="synthetic",
        split=str(row["split"]),
        domain=str(row.get("domain") or ""),
    )


def _context(
    row: Row, rows: Sequence[Row], source_lang: str, code: str, share: float, rng: random.Random
) -> tuple[ContextMessage, ...]:
    """Messages of other rows, as the conversation before."""
    if rng.random() >= share:
        return ()
    drawn = [rng.choice(rows) for _ in range(rng.randint(1, 3))]
    kept = [one for one in drawn if one is not row and one.get(source_lang)]
    return tuple(ContextMessage(str(one[source_lang]), one[code]) for one in kept)


def _texts(row: Row) -> dict[str, str]:
    return {code: text for code in CODES if (text := row.get(code))}


def _sources(row: Row, code: str) -> list[str]:
    return [other for other in _texts(row) if other != code]


def damaged_versions(draft: Draft, levels: int, seed: int = 1) -> list[tuple[str, tuple[ErrorSpan, ...]]]:
    """The same translation with 0, 1, ... `levels` errors, each version holding those of the one before.

    For the check that scores fall with the damage. A short text may not take so many errors; the last versions are
    then equal.
    """
    config = SyntheticConfig(operations=dict.fromkeys(_WHOLE, 0.0), seed=seed)
    rng = random.Random(f"{seed} {draft.source_lang} {draft.target_lang} {draft.target}")
    edits = [edit for _, edit in damage(draft, levels, rng, config)]
    return [apply_edits(draft.target, edits[:level]) for level in range(levels + 1)]
