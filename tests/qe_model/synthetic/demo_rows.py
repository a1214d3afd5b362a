"""Rows of the demo corpus, and lexicons of them, made once for the tests of this folder."""

from functools import cache
from typing import Any

from parley.corpus.demo import DemoConfig, compose_demo
from parley.languages.table import CODES
from qe_model.synthetic.generator import texts_of
from qe_model.synthetic.lexicon import Lexicon, build_lexicon, shared_names


@cache
def demo_rows() -> list[dict[str, Any]]:
    """Messages of all 16 languages."""
    return list(compose_demo(DemoConfig(train_rows=400, dev_rows=8, test_rows=8, withhold_pairs=[])).to_pylist())


@cache
def demo_lexicons() -> dict[str, Lexicon]:
    """What the train rows show."""
    train = [row for row in demo_rows() if row["split"] == "train"]
    names = set[str]().union(*(shared_names(texts_of(row)) for row in train))
    return {code: build_lexicon(code, [row[code] for row in train if row[code]], names) for code in CODES}
