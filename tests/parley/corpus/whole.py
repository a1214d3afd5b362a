"""A corpus made by its stages, and a whole one in memory, which only tests may ask for."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from parley.corpus.config import CorpusConfig
from parley.corpus.stage import CorpusStage, corpus_stage
from parley.corpus.store import Corpus


def build_corpus(config: CorpusConfig, root: Path) -> Corpus:
    """Run the three stages in folders `cleaned`, `compared` and `corpus` under `root`."""
    corpus = corpus_stage(config)
    for stage in (*corpus.inputs.values(), corpus):
        stage.check()
        (root / stage.name).mkdir(parents=True, exist_ok=True)
        stage.run(root / stage.name, {name: root / name for name in stage.inputs})
    return Corpus.open(root / CorpusStage.name)


def whole(corpus: Corpus, split: str = "", columns: Sequence[str] = ()) -> pa.Table:
    """All rows of a split, or of all."""
    return pa.Table.from_batches(list(corpus.scan(columns, split)))
