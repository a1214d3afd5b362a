"""A corpus of four languages and a translator that knows its messages by their number, with faults on request."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from backtranslation.config import GenerationConfig
from parley.corpus.counts import count
from parley.corpus.store import FACTS
from parley.pipeline.atomic import write_json
from tests.training.chat_corpus import WORDS, chat_message, chat_rows, write_corpus

Call = tuple[list[str], list[str], list[str]]


def corpus_folder(folder: Path, rows: int = 240, withheld: Sequence[str] = ("fr-th",)) -> Path:
    """A corpus with counts; every fifth row lacks Thai, every seventh French."""
    columns = chat_rows(rows)
    write_corpus(folder, columns, withheld)
    table = pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})
    write_json(folder / FACTS, {**count(table, [*WORDS]), "withheld_pairs": list(withheld)})
    return folder


@dataclass
class NumberTranslator:
    """Translates `chat_message(code, number)` right, except for the numbers in `faults`.

    A fault is `copy`, `empty`, `loop`, `garbage` or the code of a wrong language; it happens on the way `wrong_into`.
    """

    faults: dict[int, str] = field(default_factory=dict)
    wrong_into: Collection[str] = ("fr",)
    calls: list[Call] = field(default_factory=list)

    def translate_many(
        self,
        texts: Sequence[str],
        sources: Sequence[str],
        targets: Sequence[str],
    ) -> list[str]:
        self.calls.append((list(texts), list(sources), list(targets)))
        return [self._one(text, target) for text, target in zip(texts, targets, strict=True)]

    def _one(self, text: str, target: str) -> str:
        if not text.split() or not text.split()[-1].isdigit():
            return text
        number = int(text.split()[-1])
        fault = self.faults.get(number, "") if target in self.wrong_into else ""
        wrong = {"copy": text, "empty": "", "loop": "allez allez " * 20 + str(number), "garbage": "oui"}
        return wrong[fault] if fault in wrong else chat_message(fault or target, number)


@dataclass
class OneTranslator:
    """Both ways with one translator; remembers what was asked of it."""

    translator: NumberTranslator = field(default_factory=NumberTranslator)
    asked: list[tuple[str, int]] = field(default_factory=list)

    def there(self, decoding: str, shard: int) -> NumberTranslator:
        self.asked.append((decoding, shard))
        return self.translator

    def back(self) -> NumberTranslator:
        return self.translator


TINY_GENERATION = GenerationConfig(beam_size=2, max_tokens=8)
