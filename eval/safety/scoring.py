"""What became of the short messages: which outputs break a rule, and which messages went out as they were typed."""

from collections import Counter
from typing import Any, Final

import pyarrow as pa

from parley.decoding.safeguards import broken_rules, has_letters
from parley.languages.table import pair

_SHOWN: Final = 20  # unsafe outputs that are listed
Json = dict[str, Any]


def score_safety(outputs: pa.Table) -> Json:
    """Of one system.

    Args:
        outputs: columns of `eval.testsets.outputs.SCHEMA`, the kind as domain.

    Returns:
        `messages`, `unsafe` (how many), `rules` (how many break each), `as_typed` (share of messages with letters that
        were not translated), `kinds` (unsafe and all, by kind), `examples`.
    """
    columns = [outputs[name].to_pylist() for name in ("pair", "domain", "source", "hypothesis")]
    rows = [(*row, _broken(*row)) for row in zip(*columns, strict=True)]
    unsafe = [row for row in rows if row[-1]]
    bad, every = (Counter(kind for _, kind, *_ in some) for some in (unsafe, rows))
    lettered = [(source, output) for _, _, source, output, _ in rows if has_letters(source)]
    return {
        "messages": len(rows),
        "unsafe": len(unsafe),
        "rules": dict(Counter(name for *_, broken in rows for name in broken)),
        "as_typed": sum(source == output for source, output in lettered) / max(1, len(lettered)),
        "kinds": {kind: [bad[kind], count] for kind, count in every.items()},
        "examples": [
            dict(zip(("pair", "kind", "source", "output", "rules"), row, strict=True)) for row in unsafe[:_SHOWN]
        ],
    }


def _broken(direction: str, _: str, message: str, output: str) -> list[str]:
    source, target = pair(direction)
    return broken_rules(message, output, target, source)
