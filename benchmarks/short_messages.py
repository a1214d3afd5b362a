"""Short messages without the safeguards and with them, and how many human translations these would give back.

    python benchmarks/short_messages.py model=runs/demo [root=FOLDER]

`root` holds Parquet files with a column per language; without it the second count is left out.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from eval.safety.inputs import into_some, short_messages
from eval.systems.loading import load_translator
from parley.config.command_line import argument, run
from parley.decoding.safeguards import SHORT, broken_rules, has_letters, width
from parley.languages.table import CODES, directions, pair

_ROWS: Final = 1500  # of each file, at most
Case = tuple[str, str, str, str]  # message, output, target, source


@dataclass(frozen=True)
class Arguments:
    """Arguments of the command line."""

    model: str = argument("folder of a model, or a run")
    root: str = argument("folder of Parquet files with human translations", "")


def main(arguments: Arguments) -> None:
    """Print the counts."""
    translator = load_translator(Path(arguments.model))
    messages = short_messages(CODES)
    rows = into_some(messages, directions(CODES))
    told = [(messages.texts[pair(d)[0]][row] or "", *pair(d)) for d, mine in rows.items() for row in mine]
    texts, sources, targets = map(list, zip(*told, strict=True))
    for guarded in (False, True):
        translator.config = replace(translator.config, guarded=guarded)
        outputs = translator.translate_many(texts, sources, targets)
        count(f"guarded={guarded}", zip(texts, outputs, targets, sources, strict=True))
    if arguments.root:
        count("human translations", human(Path(arguments.root)))


def count(name: str, cases: Iterable[Case]) -> None:
    """How many cases break a rule, and which rules."""
    found = [broken_rules(*case) for case in cases]
    rules = Counter(rule for broken in found for rule in broken)
    unsafe = sum(map(bool, found))
    print(f"{name}: {unsafe:,} of {len(found):,} ({unsafe / max(1, len(found)):.1%}) break a rule; {dict(rules)}")


def human(root: Path) -> Iterator[Case]:
    """Short messages with letters and their translations: of each row two languages, drawn with seed 1."""
    draw = random.Random(1)
    for path in sorted(root.glob("*.parquet")):
        table = pq.read_table(path).to_pylist()
        for row in draw.sample(table, min(_ROWS, len(table))):
            held = [code for code in CODES if row.get(code)]
            if len(held) > 1:
                source, target = draw.sample(held, 2)
                if has_letters(row[source]) and width(row[source]) <= SHORT:
                    yield row[source], row[target], target, source


if __name__ == "__main__":
    run(main, Arguments)
