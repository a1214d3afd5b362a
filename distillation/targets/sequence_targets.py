"""Sequence-level targets: messages, roughened as chat is, with the teacher's own translations.

(Sequence-level knowledge distillation: Kim and Rush, 2016, arXiv 1606.07947.) Sources are messages of the train split
in every language that has them, whether or not a human translation exists, and lines of monolingual files. Withheld
pairs stay withheld. A row holds one source and one translation; `directions.npy` says which is which, so noise never
becomes a target. Translations are finished direction by direction: a killed run goes on with the next.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from distillation.config import SequenceTargetsConfig
from distillation.targets.noise import NoiseConfig, roughened
from parley.corpus.store import Corpus, filled, write_corpus
from parley.decoding.protocols import TellsProgress
from parley.languages.table import CODES, directions, language, pair
from parley.pipeline.atomic import replacing
from parley.pipeline.errors import InputError
from parley.pipeline.progress import progress_bar
from training.batches.batch import Batch, Examples, make_batch
from training.batches.bucketing import CHUNK_BATCHES, batch_edges, length_order
from training.batches.concat import ConcatCorpus
from training.batches.encoded import EncodedCorpus
from training.batches.encoding import EncodedConfig, EncodedStage
from training.batches.stream import BatchingConfig

DIRECTIONS: Final = "directions.npy"
PARTS, ENCODED = "parts", "encoded"
NOISE: Final = NoiseConfig()


def write_sequences(
    out: Path, corpus: Path, tokenizer: Path, translator: TellsProgress, config: SequenceTargetsConfig, seed: int = 0
) -> dict[str, Any]:
    """Translate, and store the pairs as an encoded corpus.

    Args:
        corpus, tokenizer: folders of these stages.
        translator: the teacher with the wanted beam.

    Returns:
        `messages`, and how many were left out because the teacher said nothing.

    Raises:
        InputError: a monolingual file that cannot be read, no message at all.
    """
    store = Corpus.open(corpus)
    texts = {code: _texts(store, code, config) for code in store.languages}
    withheld = {frozenset(pair(name)) for name in store.withheld_pairs}
    wanted = [name for name in directions(store.languages) if frozenset(pair(name)) not in withheld]
    jobs = {name: _chosen(texts[pair(name)[0]], name, config, seed) for name in wanted}
    with progress_bar("teacher's translations", sum(map(len, jobs.values()))) as bar:
        for name, sources in jobs.items():
            _translate(out / PARTS / f"{name}.parquet", name, sources, translator, config, bar)
    return _store(out, [name for name in wanted if jobs[name]], store, tokenizer)


def _texts(store: Corpus, code: str, config: SequenceTargetsConfig) -> list[str]:
    found = store.sample([code], where=filled(code))[code].to_pylist()
    path = config.monolingual.get(language(code).code)
    if path:
        try:
            found += [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"distillation.sequences.monolingual.{code}={path}: cannot be read ({error})") from error
    return found


def _chosen(texts: list[str], name: str, config: SequenceTargetsConfig, seed: int) -> list[str]:
    generator = np.random.default_rng([seed, *(CODES.index(code) for code in pair(name))])
    chosen = [texts[place] for place in np.sort(generator.permutation(len(texts))[: config.messages])]
    return roughened(chosen, NOISE, seed)


def _translate(
    path: Path, name: str, sources: list[str], translator: TellsProgress, config: SequenceTargetsConfig, bar: Any
) -> None:
    source, target = pair(name)
    if path.is_file():
        bar.advance(len(sources))
        return
    outputs = translator.translate_many(sources, [source] * len(sources), [target] * len(sources), bar.advance)
    with replacing(path) as temporary:
        pq.write_table(pa.table({"source": pa.array(sources, pa.string()), "target": outputs}), temporary)


def _store(out: Path, names: list[str], store: Corpus, tokenizer: Path) -> dict[str, Any]:
    columns: dict[str, list[str | None]] = {code: [] for code in store.languages}
    order: list[int] = []
    empty = 0
    every = directions(CODES)
    for name in names:
        table = pq.read_table(out / PARTS / f"{name}.parquet")
        said = [both for both in zip(*(table[c].to_pylist() for c in ("source", "target")), strict=True) if both[1]]
        empty += table.num_rows - len(said)
        for code, column in columns.items():
            place = pair(name).index(code) if code in pair(name) else None
            column += [None] * len(said) if place is None else [both[place] for both in said]
        order += [every.index(name)] * len(said)
    if not order:
        raise InputError("distillation.sequences: the teacher translated nothing")
    _write(out, columns, order, tokenizer)
    return {"messages": len(order), "empty": empty}


def _write(out: Path, columns: Mapping[str, list[str | None]], order: list[int], tokenizer: Path) -> None:
    count = len(order)
    texts = {code: pa.array(column, pa.string()) for code, column in columns.items()}
    table = pa.table(
        {
            "row_id": [f"teacher:{number}" for number in range(count)],
            "domain": ["chat"] * count,
            "split": ["train"] * count,
            "origin": ["teacher"] * count,
            **texts,
        }
    )
    write_corpus(table, out)
    np.save(out / DIRECTIONS, np.array(order, np.uint16), allow_pickle=False)
    EncodedStage(EncodedConfig()).run(out / ENCODED, {"corpus": out, "tokenizer": tokenizer})


class SequenceStream:
    """Endless batches of a process over the teacher's translations: every message once an epoch, in a seed's order.

    Examples of a chunk are sorted by length and cut at the token budgets; the batches are then shuffled.
    """

    def __init__(self, folder: Path, config: BatchingConfig, rank: int = 0, world: int = 1) -> None:
        """Open what `write_sequences` wrote.

        Raises:
            InputError: nothing there, or no message within `config.max_length`.
        """
        self.corpus = ConcatCorpus(EncodedCorpus.open(folder / ENCODED))
        self.config, self.rank, self.world = config, rank, world
        self._examples = self._all(np.load(folder / DIRECTIONS, allow_pickle=False))
        tokens = float(self._examples.target_length.mean())
        self._chunk_size = max(1, int(CHUNK_BATCHES * config.batch_tokens / tokens))
        self._epoch = self._batch = 0
        self._plan_of: tuple[int, Examples, np.ndarray, np.ndarray] | None = None

    def _all(self, numbers: np.ndarray) -> Examples:
        every = [[CODES.index(code) for code in pair(name)] for name in directions(CODES)]
        source, target = np.array(every)[numbers].T
        rows = np.arange(len(numbers))
        auto = np.random.default_rng(self.config.seed).random(len(rows)) < self.config.auto_source_probability
        found = Examples.of(self.corpus, source, target, rows, auto)
        kept = np.flatnonzero(np.maximum(found.source_length, found.target_length + 1) <= self.config.max_length)
        if not len(kept):
            raise InputError(f"{self.corpus.encoded.directory}: no message of up to {self.config.max_length} tokens")
        return found.take(kept)

    def __iter__(self) -> Iterator[Batch]:
        """Yield this process's batches from the current position, without end."""
        while True:
            self._epoch, self._batch, examples, edges = self._locate(self._epoch, self._batch + self.rank)
            chosen = examples.take(slice(*edges))
            self._batch += self.world - self.rank
            yield make_batch(self.corpus, chosen)

    def _locate(self, epoch: int, batch: int) -> tuple[int, int, Examples, tuple[int, int]]:
        examples, edges, order = self._plan(epoch)
        while batch >= len(order):
            batch -= len(order)
            epoch += 1
            examples, edges, order = self._plan(epoch)
        place = order[batch]
        return epoch, batch, examples, (int(edges[place]), int(edges[place + 1]))

    def _plan(self, epoch: int) -> tuple[Examples, np.ndarray, np.ndarray]:
        """All examples in the order of this epoch's batches, edges of these, and the order they are given in."""
        if self._plan_of is None or self._plan_of[0] != epoch:
            generator = np.random.default_rng((self.config.seed, 1, epoch))
            shuffled = self._examples.take(generator.permutation(len(self._examples.row)))
            order, edges = self._sorted(shuffled, generator)
            self._plan_of = epoch, shuffled.take(order), edges, generator.permutation(len(edges) - 1)
        return self._plan_of[1:]

    def _sorted(self, examples: Examples, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Chunk by chunk: the order by length, and the edges of batches."""
        orders, edges = [], [np.zeros(1, np.int64)]
        starts = [*range(0, len(examples.row), self._chunk_size), len(examples.row)]
        for start, stop in pairwise(starts):
            part = examples.take(slice(start, stop))
            order = length_order(part.source_length, part.target_length, self.config, generator)
            part = part.take(order)
            orders.append(order + start)
            edges.append(batch_edges(part.source_length, part.target_length, self.config)[1:] + start)
        return np.concatenate(orders), np.concatenate(edges)

    def state_dict(self) -> dict[str, int]:
        """Position in the plan."""
        return {"epoch": self._epoch, "batch": self._batch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved position."""
        self._epoch, self._batch = int(state["epoch"]), int(state["batch"])
