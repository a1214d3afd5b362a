"""The stage `qe_lexicon`: word tables of the directions that people have annotated, learnt from the corpus."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from parley.languages.table import pair
from parley.pipeline.errors import InputError
from parley.pipeline.progress import track
from parley.pipeline.stage import Stage
from qe_model.model.lexical.config import LexiconConfig

if TYPE_CHECKING:
    from parley.corpus.store import Corpus


class LexiconStage(Stage[LexiconConfig]):
    """Learns the tables of `lexical.lexicon.Lexicon` from the train split; input `corpus`."""

    name = "qe_lexicon"
    version: ClassVar[int] = 1

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Write the tables.

        Raises:
            InputError: a pair without rows in the train split.
        """
        from parley.corpus.store import Corpus
        from qe_model.model.lexical.lexicon import Lexicon
        from qe_model.model.lexical.word_table import WordTable

        config = self.config
        corpus = Corpus.open(inputs["corpus"])
        found = {}
        for each in track(config.pairs, "word tables", len(config.pairs)):
            first, second = pair(each)
            texts = _texts(corpus, first, second, config.max_rows)
            for direction, rows in ((f"{first}-{second}", texts), (f"{second}-{first}", [t[::-1] for t in texts])):
                found[direction] = WordTable.fit(rows, config.iterations, config.min_count, config.floor)
        Lexicon(found).save(out)
        return {"entries": {direction: len(one.keys) for direction, one in found.items()}}


def _texts(corpus: "Corpus", first: str, second: str, limit: int) -> list[tuple[str, str]]:
    """A sample of the train rows that hold both languages."""
    from parley.corpus.store import SAMPLE_ROWS, filled

    if missing := [code for code in (first, second) if code not in corpus.languages]:
        raise InputError(f"qe.lexicon.pairs: {first}-{second}: the corpus has no {missing[0]}")
    kept = corpus.sample([first, second], count=limit or SAMPLE_ROWS, where=filled(first, second))
    if not kept.num_rows:
        raise InputError(f"qe.lexicon.pairs: {first}-{second}: no row of the train split holds both languages")
    return list(zip(kept[first].to_pylist(), kept[second].to_pylist(), strict=True))
