"""Greedy, sampled and beam search over several batches of messages at once (`parley.decoding.stepper`).

Results are equal to those of `generate` of `transformers`: same scores, same length penalty, same stopping rule. All
batches are at the same step. Finished messages leave their batch, and batches that have become small are joined, so
that few steps are made with few rows: a step with three rows takes almost half the time of one with 64.

A messages still active, K beams, C candidates (twice the beams), V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple, Protocol, Self, TypeVar

import torch
from torch import Tensor

from parley.decoding.stepper import Stepper


class DecodingBatch(NamedTuple):
    """What one batch starts from.

    Attributes:
        prompt_BT: what the decoder starts with, the target tag last.
        limits: most tokens for each row.
    """

    stepper: Stepper
    prompt_BT: Tensor
    limits: Sequence[int]


@dataclass(frozen=True)
class Sampling:
    """How to draw: from the `top_k` likeliest tokens (0: all), the least set of total probability `top_p`."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def draw(self, logits_AV: Tensor, generator: torch.Generator) -> Tensor:
        """One token for each row."""
        logits_AV = logits_AV / self.temperature
        if self.top_k:
            least = logits_AV.topk(min(self.top_k, logits_AV.shape[1])).values[:, -1:]
            logits_AV = logits_AV.masked_fill(logits_AV < least, float("-inf"))
        probabilities_AV = logits_AV.softmax(-1)
        if self.top_p < 1:
            sorted_AV, order_AV = probabilities_AV.sort(descending=True)
            beyond_AV = sorted_AV.cumsum(-1) - sorted_AV >= self.top_p
            probabilities_AV = probabilities_AV.masked_fill(beyond_AV.gather(1, order_AV.argsort()), 0.0)
        return torch.multinomial(probabilities_AV, 1, generator=generator).squeeze(1)


class _Search(Protocol):
    rows: list[int]

    def advance(self) -> None:
        """Make one step and drop what has finished."""

    def join(self, other: Self) -> None:
        """Take in the rows of another search at the same step."""


S = TypeVar("S", bound=_Search)


def _advance_together(searches: list[S]) -> None:
    """Bring all searches to their ends. Two are joined when they fit into the size of the largest at the start."""
    most = max((len(search.rows) for search in searches), default=0)
    while searches:
        for search in searches:
            search.advance()
        remaining: list[S] = []
        for search in sorted(searches, key=lambda search: len(search.rows)):
            if remaining and len(remaining[-1].rows) + len(search.rows) <= most:
                remaining[-1].join(search)
            elif search.rows:
                remaining.append(search)
        searches = remaining


def _starts(batches: Sequence[DecodingBatch]) -> list[list[int]]:
    """Rows of each batch, counted through all batches."""
    ends = list(accumulate(len(batch.limits) for batch in batches))
    return [list(range(end - len(batch.limits), end)) for batch, end in zip(batches, ends, strict=True)]


def search_one(batches: Sequence[DecodingBatch], end: int, sampling: Sampling | None = None) -> list[list[int]]:
    """One hypothesis for each row of all batches, greedy or sampled: its tokens without prompt and end token `end`."""
    limits = [limit for batch in batches for limit in batch.limits]
    results: list[list[int]] = [[] for _ in limits]
    choose = _Drawing(sampling, batches[0].prompt_BT.device) if sampling and batches else _likeliest
    _advance_together(
        [
            _OneSearch(batch.stepper, rows, batch.prompt_BT, choose, end, limits, results)
            for batch, rows in zip(batches, _starts(batches), strict=True)
        ]
    )
    return results


class _Drawing:
    """Draws tokens, one after another from one seed."""

    def __init__(self, sampling: Sampling, device: torch.device) -> None:
        self.sampling, self.generator = sampling, torch.Generator(device).manual_seed(sampling.seed)

    def __call__(self, logits_AV: Tensor) -> Tensor:
        return self.sampling.draw(logits_AV, self.generator)


def _likeliest(logits_AV: Tensor) -> Tensor:
    """The best token of each row: on a CPU NumPy finds it over ten times as fast as PyTorch."""
    return torch.from_numpy(logits_AV.numpy().argmax(-1)) if logits_AV.device.type == "cpu" else logits_AV.argmax(-1)


@dataclass
class _OneSearch:
    stepper: Stepper
    rows: list[int]
    tokens_AT: Tensor
    choose: Callable[[Tensor], Tensor]
    end: int
    limits: list[int]
    results: list[list[int]]

    def advance(self) -> None:
        next_A = self.choose(self.stepper.step(self.tokens_AT))
        kept: list[int] = []
        for place, (row, token) in enumerate(zip(self.rows, next_A.tolist(), strict=True)):
            if token != self.end:
                self.results[row].append(token)
                if len(self.results[row]) < self.limits[row]:
                    kept.append(place)
        if len(kept) < len(self.rows):
            self.rows = [self.rows[place] for place in kept]
            kept_A = torch.tensor(kept, dtype=torch.long, device=next_A.device)
            self.stepper.select(kept_A)
            next_A = next_A[kept_A]
        self.tokens_AT = next_A.unsqueeze(1)

    def join(self, other: "_OneSearch") -> None:
        self.stepper.join(other.stepper)
        self.rows = self.rows + other.rows
        self.tokens_AT = torch.cat([self.tokens_AT, other.tokens_AT])


@dataclass
class _Finished:
    """The best K finished hypotheses of one message."""

    size: int
    found: list[tuple[float, list[int]]] = field(default_factory=list)

    def add(self, score: float, tokens: list[int]) -> None:
        self.found.append((score, tokens))
        self.found.sort(key=lambda item: -item[0])
        del self.found[self.size :]

    def beats(self, best_running: float) -> bool:
        """Whether no running hypothesis can enter any more, judged by the best one's score at its present length."""
        return len(self.found) == self.size and best_running <= self.found[-1][0]


def search_beam(
    batches: Sequence[DecodingBatch], end: int, beams: int, length_penalty: float = 1.0
) -> list[list[tuple[float, list[int]]]]:
    """Beam search: for each row of all batches up to `beams` hypotheses, best first, as (score, tokens).

    A score is the summed log-probability over (number of tokens, the end included) to the power `length_penalty`.
    """
    limits = [limit for batch in batches for limit in batch.limits]
    finished = [_Finished(beams) for _ in limits]
    _advance_together(
        [
            _BeamSearch(batch.stepper, rows, batch.prompt_BT, beams, length_penalty, end, limits, finished)
            for batch, rows in zip(batches, _starts(batches), strict=True)
        ]
    )
    return [result.found for result in finished]


@dataclass
class _BeamSearch:
    """Beam search of one batch.

    Attributes:
        running_AK: summed log-probabilities of the running hypotheses, best first.
        history_AKT: their tokens.
        origin_AK: which beam of the last step each goes on from.
    """

    stepper: Stepper
    rows: list[int]
    prompt_BT: Tensor
    beams: int
    length_penalty: float
    end: int
    limits: list[int]
    finished: list[_Finished]

    def __post_init__(self) -> None:
        shape = len(self.rows), self.beams
        self.running_AK = torch.full(shape, float("-inf"), device=self.prompt_BT.device)
        self.running_AK[:, 0] = 0.0  # at first all beams are the prompt, and one counts
        self.origin_AK = torch.zeros(shape, dtype=torch.long, device=self.prompt_BT.device)
        self.history_AKT = self.origin_AK.new_empty(*shape, 0)

    def advance(self) -> None:
        score_AC, token_AC, beam_AC = self._candidates()
        ended_AC = token_AC == self.end
        past_ACT = self._of_beams(self.history_AKT, beam_AC)
        history_ACT = torch.cat([past_ACT, token_AC.unsqueeze(-1)], dim=-1)
        self._collect(score_AC, ended_AC, history_ACT)
        self.running_AK, order_AK = score_AC.masked_fill(ended_AC, float("-inf")).topk(self.beams)
        self.history_AKT = self._of_beams(history_ACT, order_AK)
        self.origin_AK = beam_AC.gather(1, order_AK)
        self._drop()

    def _candidates(self) -> tuple[Tensor, Tensor, Tensor]:
        """The best C next tokens of each message: score, token and the beam it continues, each (A, C)."""
        if self.history_AKT.shape[2]:
            logits_AKV = self.stepper.step_beams(self.history_AKT[:, :, -1], self.origin_AK)
        else:
            logits_AKV = self.stepper.step(self.prompt_BT).unsqueeze(1).expand(-1, self.beams, -1)
        wide = min(2 * self.beams, logits_AKV.shape[-1])
        best_AKC, token_AKC = logits_AKV.log_softmax(-1).topk(wide)
        score_AC, place_AC = (best_AKC + self.running_AK.unsqueeze(-1)).flatten(1).topk(wide)
        return score_AC, token_AKC.flatten(1).gather(1, place_AC), place_AC // wide

    @staticmethod
    def _of_beams(history_AKT: Tensor, beam_AC: Tensor) -> Tensor:
        return history_AKT.gather(1, beam_AC.unsqueeze(-1).expand(-1, -1, history_AKT.shape[2]))

    def _collect(self, score_AC: Tensor, ended_AC: Tensor, history_ACT: Tensor) -> None:
        """Store the hypotheses among the best `beams` that ended in this step, or all of these at a row's last step."""
        length = history_ACT.shape[2]
        last_A1 = torch.tensor([self.limits[row] <= length for row in self.rows], device=score_AC.device).unsqueeze(1)
        ending_AK = ((ended_AC | last_A1) & torch.isfinite(score_AC))[:, : self.beams]
        for a, k in ending_AK.nonzero().tolist():
            tokens = history_ACT[a, k].tolist()
            score = float(score_AC[a, k]) / length**self.length_penalty
            self.finished[self.rows[a]].add(score, tokens[:-1] if tokens[-1] == self.end else tokens)

    def _drop(self) -> None:
        """Drop the messages that have reached their limit or that no running hypothesis can improve any more."""
        length = self.history_AKT.shape[2]
        best_A = (self.running_AK[:, 0] / length**self.length_penalty).tolist()
        kept = [
            a
            for a, row in enumerate(self.rows)
            if length < self.limits[row] and not self.finished[row].beats(best_A[a])
        ]
        if len(kept) == len(self.rows):
            return
        self.rows = [self.rows[a] for a in kept]
        kept_A = torch.tensor(kept, dtype=torch.long, device=self.running_AK.device)
        self.stepper.select(kept_A)
        self.running_AK, self.history_AKT = self.running_AK[kept_A], self.history_AKT[kept_A]
        self.origin_AK = self.origin_AK[kept_A]

    def join(self, other: "_BeamSearch") -> None:
        self.stepper.join(other.stepper)
        self.rows = self.rows + other.rows
        self.running_AK = torch.cat([self.running_AK, other.running_AK])
        self.history_AKT = torch.cat([self.history_AKT, other.history_AKT])
        self.origin_AK = torch.cat([self.origin_AK, other.origin_AK])
