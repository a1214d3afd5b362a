"""Batches made ahead: in order, with the right position, errors handed on."""

from collections.abc import Iterator

import pytest

from parley.pipeline.errors import InputError
from tests.training.toy_task import ToyBatch, ToyStream
from training.batches.prefetch import Prefetch


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_order_and_position(depth: int) -> None:
    stream, plain = ToyStream(), ToyStream()
    with Prefetch(stream, depth) as batches:
        for number in range(7):
            assert batches.take().ids.equal(plain.batch(number).ids)
            assert batches.state == {"position": number + 1}
    resumed = ToyStream()
    resumed.load_state_dict(batches.state)
    with Prefetch(resumed, depth) as batches:
        assert batches.state == {"position": 7}
        assert batches.take().ids.equal(plain.batch(7).ids)


class Failing(ToyStream):
    def __iter__(self) -> Iterator[ToyBatch]:
        yield self.batch(0)
        raise InputError("row 5 is broken")


@pytest.mark.parametrize("depth", [0, 3])
def test_errors_reach_the_consumer(depth: int) -> None:
    with Prefetch(Failing(), depth) as batches:
        batches.take()
        with pytest.raises(InputError, match="row 5"):
            batches.take()
