"""Messages of a chunk rewritten by augmentations: pieces -> text -> augmentation -> pieces.

The tokenizer gives every text back exactly, so text needs no store of its own; only the messages that an augmentation
falls to are decoded and encoded again, all at once. What falls to a message is a function of (seed, row, direction,
epoch), so any process can make a chunk again. It is made before the chunk is sorted and cut, so budgets hold.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from parley.corpus.augmentation.registry import Message, augmented
from parley.glossary.hints import hinted_pieces
from parley.languages.table import CODES
from training.batches.batch import TAG_AND_END, Examples
from training.batches.concat import ConcatCorpus
from training.batches.config import BatchingConfig
from training.batches.shuffling import hashed
from training.batches.stored_words import stored_alignment, stored_glossary

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

Pieces = Sequence[Sequence[int]]


class Augmenter:
    """Applies `config.augmentations` to the messages of a chunk."""

    def __init__(self, corpus: ConcatCorpus, config: BatchingConfig) -> None:
        """Load the tokenizer that is kept with the corpus.

        Raises:
            InputError: there is none.
        """
        self.corpus, self.config = corpus, config
        tokenizer = corpus.encoded.tokenizer()
        self._tokenizer = tokenizer.backend_tokenizer
        self._special = frozenset(tokenizer.all_special_ids)
        self._known = np.array([CODES.index(code) for code in corpus.encoded.languages])
        withheld = [frozenset((one, other)) in corpus.encoded.pairs_withheld() for one in CODES for other in CODES]
        self._withheld = np.array(withheld).reshape(len(CODES), len(CODES))
        self._words: dict[str, Any] = {}
        if "hints" in config.augmentations:
            told = corpus.encoded, self._tokenizer
            self._words = {"glossary": stored_glossary(*told), "aligned": stored_alignment(*told, config.seed)}

    def __call__(self, examples: Examples, epoch: "Array") -> tuple[ConcatCorpus, Examples]:
        """The examples, which stand direction by direction as they were drawn, with some of them rewritten.

        Args:
            epoch: [n] that each message is of.

        Returns:
            The corpus with the rewritten messages behind it, and the examples as rows of that.
        """
        falls, seeds = self._chances(examples, epoch)
        touched = np.flatnonzero(falls.any(axis=1))
        names = np.array(list(self.config.augmentations))
        rewritten = [
            augmented(message, names[mine], seed)
            for message, mine, seed in zip(
                self._messages(examples, touched), falls[touched], seeds[touched].tolist(), strict=True
            )
        ]
        return self._merged(examples, touched, rewritten)

    def _chances(self, examples: Examples, epoch: "Array") -> "tuple[Array, Array]":
        """Which augmentations fall to each message [n, augmentations], and the seed of each message [n]."""
        probabilities = np.array(list(self.config.augmentations.values()))
        count = len(examples.row)
        seeds = hashed(count, self.config.seed, examples.row, examples.source, examples.target, epoch)
        chances = [hashed(count, seeds, place) / 2.0**64 for place in range(len(probabilities))]
        return np.stack(chances, axis=1) < probabilities, seeds

    def _messages(self, examples: Examples, touched: "Array") -> list[Message]:
        """The text of the touched messages and of their neighbours."""
        neighbours = self._neighbours(examples)[touched]
        both = examples.take(np.concatenate([touched, neighbours]))
        sides = both.source, both.target
        codes = [[CODES[language] for language in languages] for languages in sides]
        texts = [self._texts(languages, both.row) for languages in (*sides, self._others(both))]
        columns = zip(*texts[:2], *codes, texts[2], strict=True)
        messages = [Message(*each, **self._words) for each in columns]
        own, others = messages[: len(touched)], messages[len(touched) :]
        return [
            message if alone else replace(message, neighbour=other)
            for message, other, alone in zip(own, others, (touched == neighbours).tolist(), strict=True)
        ]

    def _others(self, examples: Examples) -> "Array":
        """A further language of each message's row [n], by chance: the target, or one that is not withheld from it."""
        source, target, row = examples.source, examples.target, examples.row
        held = self._known[:, None] == target
        multiway = self.corpus.part_of(row) == 0
        for place, code in enumerate(self._known):
            held[place, multiway] |= self.corpus.lengths(np.full(multiway.sum(), code), row[multiway]) > 0
        held &= (self._known[:, None] != source) & ~self._withheld[self._known][:, target]
        chosen = hashed(len(row), self.config.seed, row, source, target) % held.sum(axis=0).astype(np.uint64)
        return self._known[(held.cumsum(axis=0) > chosen).argmax(axis=0)]

    def _neighbours(self, examples: Examples) -> "Array":
        """The next message of the same direction [n], in turns; a direction's only message has itself."""
        part = self.corpus.part_of(examples.row)
        direction = (part * len(CODES) + examples.source) * len(CODES) + examples.target
        starts = np.flatnonzero(np.diff(direction, prepend=-1))
        following = np.arange(1, len(direction) + 1)
        following[[*(starts[1:] - 1), -1]] = starts
        return following

    def _texts(self, languages: "Array", rows: "Array") -> list[str]:
        texts: list[str] = self._tokenizer.decode_batch(self.corpus.tokens(languages, rows), skip_special_tokens=True)
        return texts

    def _pieces(self, texts: Sequence[str]) -> list[list[int]]:
        return [entry.ids for entry in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def _source_pieces(self, messages: Sequence[Message]) -> list[list[int]]:
        """The sources' pieces, with their hints."""
        found = self._pieces([message.source for message in messages])
        hinted = [place for place, message in enumerate(messages) if message.hints]
        some = [messages[place] for place in hinted]
        with_hints = hinted_pieces(self._tokenizer, [one.source for one in some], [one.hints for one in some])
        for place, ids in zip(hinted, with_hints, strict=True):
            found[place] = ids
        return found

    def _heads(self, languages: "Array", rows: "Array") -> list[list[int]]:
        """The special token that a cell begins with [n], such as that of back-translated sources."""
        return [ids[:1] if ids[0] in self._special else [] for ids in self.corpus.tokens(languages, rows)]

    def _merged(
        self, examples: Examples, touched: "Array", rewritten: Sequence[Message]
    ) -> tuple[ConcatCorpus, Examples]:
        """Rewritten messages in the place of the touched ones, but for those that came out empty or too long."""
        heads = self._heads(examples.source[touched], examples.row[touched])
        pieces = self._source_pieces(rewritten)
        sources = [head + ids for head, ids in zip(heads, pieces, strict=True)]
        targets = self._pieces([message.target for message in rewritten])
        sizes = np.array([list(map(len, sources)), list(map(len, targets))], np.int64)
        kept = np.flatnonzero((sizes.min(axis=0) > 0) & (sizes.max(axis=0) + TAG_AND_END <= self.config.max_length))
        touched = touched[kept]
        rows = MessageRows(
            (examples.source[touched], [sources[place] for place in kept]),
            (examples.target[touched], [targets[place] for place in kept]),
        )
        corpus = ConcatCorpus(self.corpus.encoded, *self.corpus.parts[1:], rows)
        row = examples.row.copy()
        row[touched] = corpus.starts[-1] + np.arange(len(touched))
        return corpus, Examples.of(corpus, examples.source, examples.target, row, examples.told)


class MessageRows:
    """Messages in memory in the form of an encoded corpus, one row each.

    Args:
        sides: of all messages, languages [n] as indices into CODES and pieces [n]; first the sources, then the targets.
    """

    def __init__(self, *sides: "tuple[Array, Pieces]") -> None:
        self.row_count = len(sides[0][1])
        self._columns = {
            CODES[language]: self._column(language, sides)
            for language in np.unique(np.concatenate([languages for languages, _ in sides])).tolist()
        }

    def column(self, code: str) -> "tuple[Array, Array]":
        """Flat token ids of a language, and the rows' offsets into them [rows + 1]."""
        return self._columns[code]

    def _column(self, language: int, sides: "Sequence[tuple[Array, Pieces]]") -> "tuple[Array, Array]":
        cells: list[Sequence[int]] = [()] * self.row_count
        for languages, pieces in sides:
            for row in np.flatnonzero(languages == language).tolist():
                cells[row] = pieces[row]
        offsets = np.cumsum([0, *map(len, cells)])
        return np.fromiter(chain.from_iterable(cells), np.int64, count=int(offsets[-1])), offsets
