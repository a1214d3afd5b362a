"""The stage: human annotations, synthetic errors and contrast pairs in one folder."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parley.corpus.config import CorpusConfig, DemoSize
from parley.corpus.source_config import SourceConfig
from parley.corpus.stage import CorpusStage, corpus_stage
from parley.corpus.store import Corpus
from parley.languages.table import CODES
from parley.pipeline.errors import InputError
from qe_model.annotations.store import read_annotations
from qe_model.data_config import AnnotationSource, QEDataConfig
from qe_model.data_stage import QEDataStage
from qe_model.synthetic.generator import synthesize
from tests.parley.corpus.whole import build_corpus


def human_file(folder: Path) -> Path:
    rows = [
        {"source": f"Sentence {i} of a long enough kind.", "target": f"Satz {i}", "source_lang": "en",
         "target_lang": "de", "document": f"d{i // 2}", "spans": [{"start": 0, "end": 4, "severity": "minor"}]}
        for i in range(40)
    ]  # fmt: skip
    (folder / "human.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder / "human.jsonl"


def corpus_folder(folder: Path) -> tuple[CorpusStage, Path]:
    demo = DemoSize(train_rows=400, dev_rows=6, test_rows=6)
    sources = {"demo": SourceConfig(format="demo", clean=False)}
    config = CorpusConfig(sources=sources, demo=demo, contracts=str(folder / "contracts.json"))
    build_corpus(config, folder)
    return corpus_stage(config), folder / "corpus"


def config(folder: Path) -> QEDataConfig:
    sources = {"mine": AnnotationSource(human_file(folder).name, "error_spans", licence="CC0-1.0")}
    return QEDataConfig(str(folder), sources, per_language=3, held_out=1, conversations=1)


def test_stage_writes_what_the_model_reads(tmp_path: Path) -> None:
    corpus, folder = corpus_folder(tmp_path)
    stage = QEDataStage(config(tmp_path), {"corpus": corpus})
    stage.check()
    facts = []
    for name in ("first", "second"):
        out = tmp_path / name
        out.mkdir()
        facts.append(stage.run(out, {"corpus": folder}))
    found = list(read_annotations(tmp_path / "first"))
    assert facts[0] == facts[1]
    for file in (tmp_path / "first").iterdir():
        assert file.read_bytes() == (tmp_path / "second" / file.name).read_bytes()
    assert {one.origin for one in found} == {"human", "synthetic"}
    assert sum(facts[0]["rows"]["human"]["en-de"].values()) == 40
    assert {type(of) for of in (facts[0]["rows"], *facts[0]["rows"].values())} == {dict}  # the manifest copies them
    assert facts[0]["licences"] == {"mine": "CC0-1.0"}
    assert {one.domain for one in found if one.origin == "human"} == {"mine"}
    assert {one.target_lang for one in found if one.id.startswith("synthetic")} == set(CODES)
    assert len({one.id for one in found}) == len(found)


def test_annotated_texts_in_the_corpus_are_refused(tmp_path: Path) -> None:
    corpus, folder = corpus_folder(tmp_path)
    rows = pa.Table.from_batches(Corpus.open(folder).scan(["domain", "en", "de"], "train")).to_pylist()
    known = next(row for row in rows if len(row["de"]) >= 25)
    annotated = {"source": "A sentence that no demo message is.", "target": f" {known['de']}\u200b", "spans": [],
                 "source_lang": "en", "target_lang": "de", "document": "d"}  # fmt: skip
    (tmp_path / "own.jsonl").write_text(json.dumps(annotated))
    sources = {"mine": AnnotationSource("own.jsonl", "error_spans")}
    stage = QEDataStage(QEDataConfig(str(tmp_path), sources, 1, 1, conversations=0), {"corpus": corpus})
    with pytest.raises(InputError, match=rf"{known['domain']} \(\d.*data\.protected"):
        stage.run(tmp_path / "out", {"corpus": folder})


def test_context_is_kept_where_it_is_wanted(tmp_path: Path) -> None:
    row = {"src_lang": "en", "tgt_lang": "de", "system": "A", "doc": "d", "seg_id": 1, "rater": "r", "source": "Yes.",
           "target": "Ja.", "split": "train", "context_prev": ["Really?"],
           "spans": [{"start": 0, "end": 2, "side": "target", "category": "", "dimension": "other",
                      "severity": "minor"}]}  # fmt: skip
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "mqm.parquet")
    sources = {
        style: AnnotationSource("mqm.parquet", style=style, context=context)
        for style, context in (("chat", True), ("panel", False))
    }
    (tmp_path / "out").mkdir()
    QEDataStage(QEDataConfig(str(tmp_path), sources, conversations=0)).run(tmp_path / "out", {})
    found = {one.style: [message.text for message in one.context] for one in read_annotations(tmp_path / "out")}
    assert found == {"chat": ["Really?"], "panel": []}


def test_what_is_learnt_from_is_in_the_normal_form(tmp_path: Path) -> None:
    row = {"source": "\ufeffYes.", "target": "Ja\u200b,  schoen\u0308!", "source_lang": "en", "target_lang": "de",
           "document": "d", "spans": [{"start": 6, "end": 14, "severity": "minor"}]}  # fmt: skip
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    (tmp_path / "out").mkdir()
    config = QEDataConfig(str(tmp_path), {"a": AnnotationSource("a.jsonl", "error_spans")}, conversations=0)
    QEDataStage(config).run(tmp_path / "out", {})
    (found,) = read_annotations(tmp_path / "out")
    assert (found.source, found.target) == ("Yes.", "Ja, schoen̈!")
    assert [found.target[span.start : span.end] for span in found.spans] == ["schoen̈!"]


def test_some_dev_documents_are_learnt_from(tmp_path: Path) -> None:
    rows = [
        {"source": f"Text {i} here.", "target": f"Text {i}.", "source_lang": "en", "target_lang": code,
         "document": f"d{i}", "spans": [], "split": "test" if i % 2 else "dev"}
        for i in range(200) for code in ("de", "fr")
    ]  # fmt: skip
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    sources = {"a": AnnotationSource("a.jsonl", "error_spans", learn_from_dev=0.7)}
    (tmp_path / "out").mkdir()
    QEDataStage(QEDataConfig(str(tmp_path), sources, conversations=0)).run(tmp_path / "out", {})
    found = list(read_annotations(tmp_path / "out"))
    assert sum(one.split == "test" for one in found) == 200
    assert 120 <= sum(one.split == "train" for one in found) <= 160
    assert len({(one.document, one.split) for one in found}) == 200  # both directions of a document in one split
    with pytest.raises(InputError, match="learn_from_dev is 1"):
        AnnotationSource("a.jsonl", learn_from_dev=1.0)


def test_documents_in_several_splits_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"source": f"Text {split}.", "target": "Text.", "source_lang": "en", "target_lang": "de", "document": "d7",
             "spans": [], "split": split} for split in ("train", "test")]  # fmt: skip
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "out").mkdir()
    config = QEDataConfig(str(tmp_path), {"a": AnnotationSource("a.jsonl", "error_spans")}, conversations=0)
    QEDataStage(config).run(tmp_path / "out", {})
    assert "1 documents stand in several published splits, such as en d7\n" in capsys.readouterr().err


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    missing = QEDataConfig(str(tmp_path), {"x": AnnotationSource("none.parquet")})
    with pytest.raises(InputError, match=r"none\.parquet: no such file"):
        QEDataStage(missing).check()
    with pytest.raises(InputError, match="nothing to do"):
        QEDataStage(QEDataConfig(conversations=0)).check()
    with pytest.raises(InputError, match="unknown form of annotations 'xml'"):
        QEDataStage(QEDataConfig(str(tmp_path), {"x": AnnotationSource("x", "xml")})).check()


def test_a_killed_stage_goes_on_with_the_missing_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, folder = corpus_folder(tmp_path)
    stage, made = QEDataStage(config(tmp_path), {"corpus": corpus}), []

    def killed(rows, lexicon, *more):  # type: ignore[no-untyped-def]
        made.append(lexicon.code)
        if len(made) == 3:
            raise KeyboardInterrupt
        return synthesize(rows, lexicon, *more)

    monkeypatch.setattr("qe_model.synthetic.generator.synthesize", killed)
    with pytest.raises(KeyboardInterrupt):
        stage.run(tmp_path / "cut", {"corpus": folder})
    stage.run(tmp_path / "cut", {"corpus": folder})
    assert made == [*CODES[:3], *CODES[2:]]
    stage.run(tmp_path / "whole", {"corpus": folder})
    for file in (tmp_path / "whole").iterdir():
        assert file.read_bytes() == (tmp_path / "cut" / file.name).read_bytes()
