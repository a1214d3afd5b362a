"""How long a user waits: one message at a time on one thread, messages of the test set."""

import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import pyarrow as pa

from parley.decoding.protocols import TranslatesMany
from parley.languages.table import pair

WARM_UP: Final = 3  # messages before the clock starts: the first calls of an engine allocate and compile


def measure_latency(translator: TranslatesMany, outputs: pa.Table, messages: int, seed: int) -> dict[str, Any]:
    """Milliseconds of single messages in mixed directions, tokenizing included.

    Args:
        translator: with one thread of its own; torch's threads are set to one meanwhile.
        outputs: test messages with `pair` and `source`.
        messages: how many are drawn.
        seed: of the draw.

    Returns:
        `latency_p50_ms`, `latency_p99_ms`, `latency_messages`, `latency_threads`; empty without messages.
    """
    if not len(outputs) or not messages:
        return {}
    drawn = random.Random(seed).choices(range(len(outputs)), k=messages + WARM_UP)
    rows = outputs.select(["pair", "source"]).take(pa.array(drawn, pa.int64())).to_pylist()
    seconds = []
    with _one_thread():
        for row in rows:
            source, target = pair(row["pair"])
            started = time.perf_counter()
            translator.translate_many([row["source"]], [source], [target])
            seconds.append(time.perf_counter() - started)
    middle, slow = np.percentile(1000 * np.array(seconds[WARM_UP:]), (50, 99)).round(3).tolist()
    return {"latency_p50_ms": middle, "latency_p99_ms": slow, "latency_messages": messages, "latency_threads": 1}


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread, where it is loaded."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
