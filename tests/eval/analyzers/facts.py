"""Facts of reports, into which faults are planted; and outputs of a system that is worse in some directions."""

from copy import deepcopy
from typing import Any, Final

from eval.evidence import Evidence
from tests.eval.planted import damaged, evidence, planted, rows

CODES: Final = ("en", "es", "fr", "de", "th")
PAIRS: Final = ("en-es", "en-fr", "en-de", "en-th", "es-fr", "es-de", "es-th", "fr-de", "fr-th", "de-th")
EXPERTS: Final = {
    "en": [0.7, 0.1, 0.1, 0.1],
    "es": [0.1, 0.7, 0.1, 0.1],
    "fr": [0.1, 0.6, 0.2, 0.1],
    "de": [0.6, 0.1, 0.1, 0.2],
    "th": [0.1, 0.1, 0.1, 0.7],
}
FACTS: Final[dict[str, Any]] = {
    "data": {
        "pairs": dict.fromkeys(PAIRS, 1000),
        "languages": {code: {"train": 4000, "dev": 50, "test": 60} for code in CODES},
        "withheld_pairs": [],
        "cleaning": {"filters": [{"name": "length", "cells_dropped": dict.fromkeys(CODES, 100)}]},
    },
    "backtranslation": {"rounds": [{"pairs": {"fr-th": {"ratio": 0.5}, "th-fr": {"ratio": 0.5}}}]},
    "tokenizer": {"languages": {code: {"tokens_per_character": 0.3, "byte_share": 0.01} for code in CODES}},
    "routing": {"languages": list(CODES), "experts_by_language": {"encoder.1": list(EXPERTS.values())}},
}


def report(*worse: str, **facts: Any) -> Evidence:
    """An evaluation with these facts in place of some of `FACTS`; directions in `worse` have more letters wrong."""
    lines = rows(CODES, 40)
    spoiled = planted(lines, lambda pair, _, row: damaged(row, 0.15) if pair in worse else row["hypothesis"])
    return evidence(spoiled, **(FACTS | facts))


def changed(section: str, *path: str, to: Any) -> dict[str, Any]:
    """One section of `FACTS` with another value in one place."""
    facts = deepcopy(FACTS[section])
    inner = facts
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return {section: facts}
