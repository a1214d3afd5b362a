"""Choosing of pieces: every row keeps to its language's shortlist, however rows are grouped, and rows come and go."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from distillation.runtime.engine import EncodedMessage, Request, length_groups
from distillation.runtime.greedy import Array, search
from distillation.shortlists import Shortlists

END, WIDTH, PIECES = 2, 6, 40
SHORTLISTS = Shortlists(PIECES, "", {"fr": [2, 5, 9, 12, 30], "th": [2, 6, 9, 31, 32], "ja": [2, 7, 8, 39]}, {})
TABLE = np.random.default_rng(0).normal(size=(PIECES, WIDTH)).astype(np.float32)


class Fixed:
    """A decoder whose output depends on a row's own last token and number alone."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self.rows = np.array([request.message.tokens[0] for request in requests])
        self.products: list[int] = []

    def step(self, tokens_A: Array) -> None:
        self.out_AD = np.stack(
            [np.sin(np.arange(WIDTH) * (token + 3 * row)) for token, row in zip(tokens_A, self.rows, strict=True)]
        )

    def logits(self, allowed: Array | None, rows: Array | None = None) -> Array:
        out_RD = self.out_AD if rows is None else self.out_AD[rows]
        self.products.append(len(out_RD))
        found: Array = out_RD @ (TABLE if allowed is None else TABLE[allowed]).T
        return found

    def select(self, rows: Array) -> None:
        self.rows = self.rows[rows]


def request(number: int, target: str, limit: int = 9) -> Request:
    return Request(EncodedMessage((number,)), target, 3, limit)


def decode(requests: Sequence[Request], shortlists: Shortlists | None = SHORTLISTS) -> list[list[int]]:
    return search(Fixed(requests), requests, END, shortlists)


@pytest.mark.parametrize(
    "copies", [1, 2, 9]
)  # union of the shortlists below eight rows a language, own shortlists above
def test_a_row_does_not_depend_on_others_and_keeps_to_its_list(copies: int) -> None:
    asked = [request(n, target) for n in range(copies) for target in ("th", "fr", "ja")]
    together = decode(asked)
    assert together == [decode([one])[0] for one in asked]
    assert all(set(found) <= set(SHORTLISTS.pieces[one.target]) for found, one in zip(together, asked, strict=True))


def test_few_rows_a_language_meet_the_union_at_once() -> None:
    told = [request(0, "fr"), request(0, "ja")]
    steps = Fixed(told)
    search(steps, told, END, SHORTLISTS)
    assert steps.products[0] == 2  # both rows in one product
    alone = Fixed([told[0]] * 5)
    search(alone, [told[0]] * 5, END, SHORTLISTS)
    assert alone.products[0] == 5


def test_shortlists_of_unlike_lengths_share_a_union() -> None:
    told = [request(n, target) for n, target in enumerate(("ja", "th", "fr"))]  # four, five and five pieces
    steps = Fixed(told)
    assert search(steps, told, END, SHORTLISTS) == [decode([one])[0] for one in told]
    assert steps.products[0] == 3


def test_a_row_writes_no_further_while_others_go_on() -> None:
    asked = [request(0, "fr", 2), *[request(n, "fr", 9) for n in range(1, 9)]]  # too few leave to shrink the batch
    found = decode(asked)
    assert len(found[0]) <= 2
    assert found == [decode([one])[0] for one in asked]
    assert all(END not in tokens for tokens in found)


def test_limits_hold_row_by_row() -> None:
    asked = [request(n, "fr", limit) for n, limit in enumerate((0, 1, 3, 9))]
    found = decode(asked)
    assert [len(tokens) <= one.limit for tokens, one in zip(found, asked, strict=True)] == [True] * 4
    assert found[0] == []
    assert found[3][:3] == decode([request(3, "fr", 3)])[0]


def test_without_shortlists_all_pieces_compete() -> None:
    found: Any = decode([request(n, "fr") for n in range(8)], None)
    assert {token for tokens in found for token in tokens} - set(SHORTLISTS.pieces["fr"])


def test_shortlists_are_the_same_arrays_at_every_call() -> None:
    assert SHORTLISTS.own("fr") is SHORTLISTS.own("fr")
    ids, places = SHORTLISTS.union(("fr", "th"))
    assert SHORTLISTS.union(("fr", "th"))[0] is ids
    assert [ids[place].tolist() for place in places] == [SHORTLISTS.pieces["fr"], SHORTLISTS.pieces["th"]]


def test_messages_of_like_length_are_encoded_together() -> None:
    sizes = [40, 4, 39, 5, 36, 38, 12, 4]
    groups = length_groups(sizes)
    assert sorted(place for group in groups for place in group) == list(range(8))
    assert groups[0] == [0, 2, 5, 4]  # 160 tokens; the next one is far shorter
    assert len(groups) == 2  # the short ones together make less than an efficient product
    assert length_groups([]) == []
