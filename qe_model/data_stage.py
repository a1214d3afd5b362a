"""The stage `qe_data`: human annotations read and split, synthetic errors made, pairs that only the context decides.

A shard is a file of human annotations, a language that errors are put in, or the pairs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Final

from parley.corpus.source_config import SPLITS
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from parley.pipeline.progress import say
from parley.pipeline.shards import FOLDER
from parley.pipeline.stage import Shard, Stage
from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.annotations.normal_form import in_normal_form
from qe_model.annotations.overlap import refuse_overlap
from qe_model.annotations.reading.registry import READERS
from qe_model.annotations.splits import assign_splits, drawn_place, straddling
from qe_model.annotations.store import counts_of, read_annotations, write_annotations
from qe_model.data_config import AnnotationSource, QEDataConfig

FACTS: Final = "qe_data.json"
KINDS: Final = ("human", "synthetic", "contrast")  # of shards; each has one file, `<kind>.parquet`
PART: Final = "part.parquet"  # of a shard
MESSAGES: Final = 10_000  # of a language and split that are read: words that errors put in come from these


class QEDataStage(Stage[QEDataConfig]):
    """Writes `human.parquet`, `synthetic.parquet`, `contrast.parquet` (those that there are) and `qe_data.json`.

    Input `corpus` is optional: errors are put in its messages, and only its languages have pairs.
    """

    name = "qe_data"
    version: ClassVar[int] = 5  # texts in the normal form; no swaps of terms

    def files(self) -> list[Path]:
        """Every file of annotations."""
        return [Path(self.config.root) / source.file for source in self.config.sources.values()]

    def check(self) -> None:
        """Look for the files and their readers.

        Raises:
            InputError: the first one that is not there, or nothing to do.
        """
        for source in self.config.sources.values():
            READERS[source.form]
        for path in self.files():
            if not path.is_file():
                raise InputError(f"{path}: no such file; see qe_data.root and qe_data.sources")
        if not self.config.sources and "corpus" not in self.inputs and not self.config.conversations:
            raise InputError("qe_data has no sources, no corpus and no contrast pairs: there is nothing to do")

    def shards(self, inputs: Mapping[str, Path]) -> Sequence[Shard]:
        """A file, a language, or the pairs each."""
        named = {"human": list(self.config.sources), "synthetic": _languages(inputs) if "corpus" in inputs else []}
        named["contrast"] = ["pairs"] if self.config.conversations else []
        return [Shard(f"{kind}-{name}", {"kind": kind, "name": name}) for kind in KINDS for name in named[kind]]

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        """Read one file, or make the errors of one language, or the pairs.

        Raises:
            InputError: a file that cannot be read, or a row whose spans do not fit its text.
        """
        name = str(shard.task["name"])
        if shard.task["kind"] == "human":
            found = self._read(name, self.config.sources[name])
        elif shard.task["kind"] == "synthetic":
            found = self._synthetic(name, inputs["corpus"])
        else:
            found = self._contrast(inputs)
        write_annotations(out / PART, found)

    def merge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Split the human annotations by document; join the rest as it is.

        Raises:
            InputError: the corpus holds annotated texts.
        """
        facts: dict[str, Any] = {"documents_in_several_splits": 0}
        shards = self.shards(inputs)
        for kind in KINDS:
            parts = [out / FOLDER / shard.name / PART for shard in shards if shard.task["kind"] == kind]
            if not parts:
                continue
            found: Iterable[AnnotatedTranslation] = chain.from_iterable(map(read_annotations, parts))
            if kind == "human":
                people = assign_splits(list(found), self.config.split_seed)
                if "corpus" in inputs:
                    refuse_overlap(inputs["corpus"], people)
                if several := straddling(people):
                    say(f"qe_data: {len(several)} documents stand in several published splits, such as {several[0]}")
                facts["documents_in_several_splits"] = len(several)
                found = people
            write_annotations(out / f"{kind}.parquet", found)
        facts["licences"] = {name: source.licence for name, source in self.config.sources.items()}
        facts["rows"] = counts_of(out)
        write_json(out / FACTS, facts)
        return facts

    def _read(self, name: str, source: AnnotationSource) -> Iterator[AnnotatedTranslation]:
        for one in READERS[source.form](Path(self.config.root) / source.file):
            if one.split in ("", *SPLITS):  # rows of others, such as "overlap", recur in test parts
                context = one.context if source.context else ()
                split = self._split(source, one)
                known = replace(one, domain=one.domain or name, style=source.style, context=context, split=split)
                yield in_normal_form(known)

    def _split(self, source: AnnotationSource, one: AnnotatedTranslation) -> str:
        """As published, but for dev documents that are to be learnt from; a text's directions go the same way."""
        place = drawn_place(f"{one.source_lang} {one.document}", self.config.split_seed)
        return "train" if one.split == "dev" and place < source.learn_from_dev else one.split

    def _synthetic(self, code: str, corpus: Path) -> Iterator[AnnotatedTranslation]:
        from qe_model.synthetic.generator import synthesize, texts_of
        from qe_model.synthetic.lexicon import build_lexicon, shared_names

        config = self.config
        rows = _sampled_rows(corpus, code, config.split_seed)
        train = [row for row in rows if row["split"] == "train"]
        names = set[str]().union(*(shared_names(texts_of(row)) for row in train))
        lexicon = build_lexicon(code, [row[code] for row in train], names)
        wanted = {"train": config.per_language, "dev": config.held_out, "test": config.held_out}
        return synthesize(rows, lexicon, wanted, config.split_seed)

    def _contrast(self, inputs: Mapping[str, Path]) -> Iterator[AnnotatedTranslation]:
        from parley.languages.table import CODES
        from qe_model.synthetic.contrastive import contrastive_pairs

        languages = _languages(inputs) if "corpus" in inputs else CODES
        for pair in contrastive_pairs(languages, self.config.conversations, self.config.split_seed):
            yield pair.right
            yield pair.wrong


def _languages(inputs: Mapping[str, Path]) -> list[str]:
    from parley.corpus.store import Corpus

    return Corpus.open(inputs["corpus"]).languages


def _sampled_rows(corpus: Path, code: str, seed: int) -> list[dict[str, Any]]:
    """Up to `MESSAGES` rows of each split that a language has, in the order of the corpus."""
    from parley.corpus.store import Corpus, filled

    opened = Corpus.open(corpus)
    columns = ["row_id", "domain", "split", *opened.languages]
    tables = (opened.sample(columns, split, MESSAGES, seed, filled(code)) for split in SPLITS)
    return [row for table in tables for row in table.to_pylist()]
