"""Evaluations made up for tests: outputs of damaged references, their reports, and faults to plant into them."""

import random
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import pyarrow as pa

from eval.comparison import ComparisonConfig
from eval.evidence import Evidence
from eval.scoring.direction_scores import score_outputs
from eval.stored_outputs import StoredOutputs
from eval.testsets.outputs import SCHEMA
from parley.languages.table import pair
from tests.eval.examples import NeverOffTarget

COMPARISON = ComparisonConfig(samples=2000, seed=1, margin=0.0)
WORDS = {
    "en": "wait here follow the red gate please heal team attack now boss left right good game sorry lag again",
    "fr": "attends ici suis la porte rouge soigne équipe attaque maintenant chef gauche droite bien joué désolé",
    "de": "warte hier folge dem roten tor bitte heile gruppe greif jetzt links rechts gutes spiel tut leid",
    "es": "espera aquí sigue la puerta roja cura equipo ataca ahora jefe izquierda derecha buen juego perdón",
    "th": "รอ ตรงนี้ ตามมา ประตู แดง ช่วย รักษา ทีม โจมตี ตอนนี้ บอส ซ้าย ขวา เกม ดี ขอโทษ",
}
Edit = Callable[[str, int, dict[str, str]], str]  # (direction, message number, row) -> hypothesis


def rows(codes: Sequence[str] = ("en", "fr", "de"), messages: int = 60) -> list[dict[str, str]]:
    """Outputs of a fair system in every direction: a sixth of the letters are wrong, the same ones each time."""
    found = []
    for source in codes:
        for target in codes:
            if source != target:
                found += [_row(f"{source}-{target}", number) for number in range(messages)]
    return found


def _row(direction: str, number: int) -> dict[str, str]:
    source, target = pair(direction)
    texts = []
    for code in (source, target):
        generator = random.Random(f"{code} {number}")
        texts.append(" ".join(generator.choice(WORDS[code].split()) for _ in range(3 + number % 9)))
    if number % 4 == 0:
        texts = [f"{text} 😀" for text in texts]
    generator = random.Random(f"{direction} {number}")
    hypothesis = "".join("x" if generator.random() < 1 / 6 and c.isalpha() else c for c in texts[1])
    values = (direction, "teacher", f"row:{number}", "lobby", texts[0], texts[1], hypothesis)
    return dict(zip(SCHEMA.names, values, strict=True))


def damaged(row: Mapping[str, str], share: float, salt: str = "damage") -> str:
    """The hypothesis with more letters wrong."""
    generator = random.Random(f"{row['pair']} {row['row_id']} {salt}")
    return "".join("q" if c.isalpha() and generator.random() < share else c for c in row["hypothesis"])


def evidence(lines: Sequence[Mapping[str, str]], name: str = "run", **facts: Any) -> Evidence:
    """Score the lines; `facts` are further keys of the report."""
    table = pa.Table.from_pylist([dict(line) for line in lines], schema=SCHEMA)
    scores = score_outputs(table, NeverOffTarget(), samples=200)
    report = {key: scores[key] for key in ("pairs", "mean", "metrics")} | deepcopy(facts)
    return Evidence({"schema": 1, "run": {"name": name}} | report, name, StoredOutputs(table))


def planted(lines: Sequence[Mapping[str, str]], edit: Edit) -> list[dict[str, str]]:
    """The lines with other hypotheses: `edit` is given direction, number of the message, and the line."""
    return [
        dict(line) | {"hypothesis": edit(line["pair"], int(line["row_id"].partition(":")[2]), dict(line))}
        for line in lines
    ]
