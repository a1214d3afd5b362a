"""Time of single messages."""

import time
from collections.abc import Sequence

import pytest
import torch

from eval.evaluation.latency import WARM_UP, measure_latency
from eval.testsets.outputs import translate_directions
from tests.eval.examples import Phrasebook, testset

DATA = testset()
OUTPUTS = translate_directions(Phrasebook(DATA), "a", DATA, {d: DATA.rows(d) for d in DATA.directions()}).table


class Slow(Phrasebook):
    """Takes a millisecond, and ten for every tenth message."""

    threads: set[int] = set()

    def translate_many(self, texts: Sequence[str], sources: Sequence[str], targets: Sequence[str]) -> list[str]:
        self.threads = self.threads | {torch.get_num_threads()}
        time.sleep(0.02 if len(self.calls) % 10 == 9 else 0.002)
        return super().translate_many(texts, sources, targets)


def test_one_message_at_a_time_on_one_thread() -> None:
    system, before = Slow(DATA), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = measure_latency(system, OUTPUTS, 40, seed=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert system.calls == [1] * (40 + WARM_UP)
    assert system.threads == {1}
    assert found["latency_p50_ms"] >= 2
    assert found["latency_p99_ms"] >= 20
    assert (found["latency_messages"], found["latency_threads"]) == (40, 1)


@pytest.mark.parametrize(("outputs", "messages"), [(OUTPUTS, 0), (OUTPUTS.slice(0, 0), 9)])
def test_nothing_to_measure(outputs, messages: int) -> None:  # type: ignore[no-untyped-def]
    assert measure_latency(Phrasebook(DATA), outputs, messages, 1) == {}
