"""The stage `qe_data`: human annotations read and split, synthetic errors made, pairs that only the context decides."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from parley.corpus.source_config import ROW_COLUMNS, SPLITS
from parley.languages.table import CODES
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from parley.pipeline.progress import track
from parley.pipeline.stage import Stage
from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.annotations.config import AnnotationSource, QEDataConfig
from qe_model.annotations.reading import reader
from qe_model.annotations.splits import assign_splits, drawn_place, straddling
from qe_model.annotations.store import write_annotations

if TYPE_CHECKING:
    from parley.corpus.store import Corpus

HUMAN: Final = "human.parquet"
SYNTHETIC: Final = "synthetic.parquet"
CONTRAST: Final = "contrast.parquet"
FACTS: Final = "qe_data.json"


class QEDataStage(Stage[QEDataConfig]):
    """Writes `human.parquet`, `synthetic.parquet`, `contrast.parquet` (those that there are) and `qe_data.json`.

    Input `corpus` is optional: its messages are damaged.
    """

    name = "qe_data"
    version: ClassVar[int] = 2  # ways of annotating are kept

    def files(self) -> list[Path]:
        """Every file of annotations, and the glossary."""
        named = [source.file for source in self.config.sources.values()]
        return [Path(self.config.root) / file for file in [*named, self.config.glossary] if file]

    def check(self) -> None:
        """Look for the files.

        Raises:
            InputError: the first one that is not there, or nothing to do.
        """
        for path in self.files():
            if not path.is_file():
                raise InputError(f"{path}: no such file; see qe_data.root and qe_data.sources")
        if not self.config.sources and "corpus" not in self.inputs and not self.config.contrast.enabled:
            raise InputError("qe_data has no sources, no corpus and no contrast pairs: there is nothing to do")

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Write the annotated translations into `out`.

        Raises:
            InputError: a file that cannot be read, or a row whose spans do not fit its text.
        """
        counts: Counter[tuple[str, ...]] = Counter()
        straddle: list[str] = []
        if self.config.sources:
            human = self._human()
            straddle = straddling(human)
            write_annotations(out / HUMAN, _counted(human, counts))
        if "corpus" in inputs:
            write_annotations(out / SYNTHETIC, _counted(self._synthetic(inputs["corpus"]), counts))
        if self.config.contrast.enabled:
            write_annotations(out / CONTRAST, _counted(self._contrast(), counts))
        licences = {name: source.licence for name, source in self.config.sources.items()}
        facts = {"rows": _nested(counts), "licences": licences, "documents_in_several_splits": len(straddle)}
        write_json(out / FACTS, facts)
        return facts

    def _human(self) -> list[AnnotatedTranslation]:
        config = self.config
        found = [
            one
            for name, source in track(config.sources.items(), "annotations", len(config.sources))
            for one in self._read(name, source)
        ]
        return assign_splits(found, config.dev_share, config.test_share, config.seed)

    def _read(self, name: str, source: AnnotationSource) -> Iterator[AnnotatedTranslation]:
        kept = set(self.config.keep_splits) | {""}
        for one in reader(source.form)(Path(self.config.root) / source.file):
            if one.split in kept and (not source.directions or one.direction in source.directions):
                context = one.context if source.context else ()
                named = replace(one, domain=source.domain or one.domain or name, style=source.style, context=context)
                yield replace(named, split=self._split(source, one))

    def _split(self, source: AnnotationSource, one: AnnotatedTranslation) -> str:
        """As published, but for dev documents that are to be learnt from; a text's directions go the same way."""
        place = drawn_place(f"{one.source_lang} {one.document}", self.config.seed)
        return "train" if one.split == "dev" and place < source.learn_from_dev else one.split

    def _synthetic(self, corpus: Path) -> Iterator[AnnotatedTranslation]:
        from parley.corpus.store import Corpus
        from qe_model.synthetic.generator import lexicons, synthesize

        config, opened = self.config.synthetic, Corpus.open(corpus)
        codes = [code for code in opened.languages if not config.languages or code in config.languages]
        rows = _some_rows(opened, codes, config.messages, config.seed)
        known = lexicons([row for row in rows if row["split"] == "train"], codes, self._glossary())
        yield from track(synthesize(rows, known, config), "synthetic errors")

    def _contrast(self) -> Iterator[AnnotatedTranslation]:
        from qe_model.synthetic.contrastive import contrastive_pairs

        config = self.config.contrast
        for pair in contrastive_pairs(config.languages, config.conversations, self.config.seed):
            yield pair.right
            yield pair.wrong

    def _glossary(self) -> dict[str, list[str]]:
        """Terms by language; nothing without a file."""
        if not self.config.glossary:
            return {}
        with (Path(self.config.root) / self.config.glossary).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {code: [term for row in rows if (term := row.get(code))] for code in CODES}


def _some_rows(corpus: "Corpus", codes: Iterable[str], count: int, seed: int) -> list[dict[str, Any]]:
    """Rows such that each language has up to `count` messages of each split, split after split."""
    from parley.corpus.store import filled

    columns = [*ROW_COLUMNS, *corpus.languages]
    found = {
        row["row_id"]: row
        for split in SPLITS
        for code in codes
        for row in corpus.sample(columns, split, count, seed, filled(code)).to_pylist()
    }
    return list(found.values())


def _counted(
    translations: Iterable[AnnotatedTranslation], counts: Counter[tuple[str, ...]]
) -> Iterator[AnnotatedTranslation]:
    for one in translations:
        counts[one.origin, one.direction, one.split] += 1
        yield one


def _nested(counts: Mapping[tuple[str, ...], int]) -> dict[str, dict[str, dict[str, int]]]:
    nested: dict[str, dict[str, dict[str, int]]] = {}
    for (origin, direction, split), count in sorted(counts.items()):
        nested.setdefault(origin, {}).setdefault(direction, {})[split] = count
    return nested
