"""The corpus stage on small real files: from sources to the store."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parley.corpus import stage
from parley.corpus.cleaned_stage import CleanedStage
from parley.corpus.config import CleaningConfig, CorpusConfig
from parley.corpus.source_config import SourceConfig
from parley.corpus.sources import parquet
from parley.corpus.store import Corpus
from parley.pipeline.errors import InputError
from tests.parley.corpus.whole import build_corpus, whole

WORDS = ["attack", "defend", "the tower", "the bridge", "quickly", "slowly", "together", "alone", "tonight", "tomorrow"]
MOTS = ["attaquez", "défendez", "la tour", "le pont", "vite", "lentement", "ensemble", "seul", "ce soir", "demain"]
PALABRAS = ["ataca", "defiende", "la torre", "el puente", "rápido", "despacio", "juntos", "solo", "hoy", "mañana"]


def said(words: list[str], number: int) -> str:
    """A sentence for each number below 10,000, no two alike."""
    return " ".join(words[number // 10**place % 10] for place in range(4))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A game source with its own splits in Parquet, a chat source without in TSV, a user's test set in JSONL."""
    folder = tmp_path / "data"
    folder.mkdir()
    numbers = range(300)
    split = ["test" if n < 10 else "dev" if n < 20 else "train" for n in numbers]
    columns = {"en": [said(WORDS, n) for n in numbers], "fr": [said(MOTS, n) for n in numbers]}
    pq.write_table(pa.table({"row_id": [f"g{n}" for n in numbers], "split": split, **columns}), folder / "game.parquet")
    lines = [f"{said(WORDS, n)}\t{said(PALABRAS, n)}" for n in range(1000, 3000)]
    (folder / "chat.tsv").write_text("\n".join(["en\tes", *lines, lines[0], f"{said(WORDS, 3)}\tataca"]) + "\n")
    (folder / "own.jsonl").write_text(json.dumps({"en": said(WORDS, 1234)}) + "\n")
    return folder


def settings(data: Path, **changes: Any) -> CorpusConfig:
    fields: dict[str, Any] = {
        "root": str(data),
        "languages": ["en", "es", "fr"],
        "sources": {
            "game": SourceConfig(path="game.parquet", licence="MIT", clean=False),
            "chat": SourceConfig("tsv", "chat.tsv"),
        },
        "protected": {"own": SourceConfig("jsonl", "own.jsonl", clean=False)},
        "withhold_pairs": ["fr-en"],
        "contracts": str(data.parent / "contracts.json"),
        "cleaning": CleaningConfig(steps=["normalise", "length"]),
    }
    return CorpusConfig(**{**fields, **changes})


Build = Callable[..., Corpus]


@pytest.fixture
def build(data: Path, tmp_path: Path) -> Build:
    def built(out: str = "out", **changes: Any) -> Corpus:
        return build_corpus(settings(data, **changes), tmp_path / out)

    return built


def test_the_store_holds_all_sources(build: Build) -> None:
    corpus = build()
    assert corpus.languages == ["en", "es", "fr"]
    assert corpus.domains == ["chat", "game"]
    assert corpus.withheld_pairs == ["en-fr"]
    assert corpus.facts["sources"]["game"]["licence"] == "MIT"
    assert corpus.facts["sources"]["chat"]["rows_in"] == 2002
    rows = corpus.facts["rows"]
    assert sum(rows.values()) == whole(corpus).num_rows
    assert corpus.pairs["en-fr"] == 280
    ids = whole(corpus, columns=["row_id"])["row_id"]
    assert len(ids.unique()) == len(ids)


def test_own_splits_win_and_held_out_texts_are_nowhere_in_train(build: Build) -> None:
    corpus = build(dev_share=0.05, test_share=0.05)
    game = {row["row_id"]: row["split"] for row in whole(corpus, columns=["row_id", "split"]).to_pylist()}
    assert [game[f"g{n}"] for n in (0, 10, 20)] == ["test", "dev", "train"]
    assert corpus.facts["rows"]["dev"] > 50
    texts = {split: set(whole(corpus, split, ["en"])["en"].to_pylist()) for split in ("train", "dev", "test")}
    assert not texts["train"] & (texts["dev"] | texts["test"])
    assert not texts["dev"] & texts["test"]
    assert said(WORDS, 1234) not in texts["train"] | texts["dev"]


def test_every_filter_is_reported(build: Build) -> None:
    corpus = build(cleaning=CleaningConfig(steps=["normalise", "length"], max_chars=34))
    report = json.loads((corpus.folder / "cleaning.json").read_text())
    filters = {each["name"]: each for each in report["filters"]}
    assert {"normalise", "length", "exact_duplicates", "decontamination", "dev_decontamination"} <= set(filters)
    assert filters["length"]["rows_out"] < filters["length"]["rows_in"]
    assert len(filters["length"]["examples"]) == 5
    assert not [folder for folder in corpus.folder.iterdir() if folder.is_dir()]


def test_the_result_does_not_depend_on_how_rows_are_cut(
    build: Build, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build("first")
    rows = pq.read_table(data / "game.parquet")
    pq.write_table(rows, data / "game.parquet", row_group_size=70)
    monkeypatch.setattr(parquet, "PART_ROWS", 100)
    monkeypatch.setattr(stage, "SHARD_ROWS", 150)
    second = build("second")
    assert second.shards > first.shards
    assert whole(first).equals(whole(second))
    assert (first.folder / "cleaning.json").read_bytes() == (second.folder / "cleaning.json").read_bytes()
    assert {**first.facts, "digest": ""} == {**second.facts, "digest": ""}


def test_a_killed_run_goes_on_with_the_missing_parts(build: Build, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {"a": SourceConfig(path="game.parquet"), "b": SourceConfig("tsv", "chat.tsv")}
    whole_run = build("whole", sources=sources)
    right = (data / "chat.tsv").read_text()
    (data / "chat.tsv").write_text(right + "a line without a tab\n")
    with pytest.raises(InputError, match=r"chat\.tsv: line 2004 has 1 fields"):
        CleanedStage(settings(data, sources=sources)).run(data.parent / "killed" / "cleaned", {})
    (data / "chat.tsv").write_text(right)
    done, original = [], CleanedStage.run_shard
    monkeypatch.setattr(CleanedStage, "run_shard", lambda *args: done.append(args[1].name) or original(*args))
    resumed = build("killed", sources=sources)
    assert done == ["000001"]
    assert resumed.facts == whole_run.facts
    assert (resumed.folder / "cleaning.json").read_bytes() == (whole_run.folder / "cleaning.json").read_bytes()


def test_a_source_that_shrank_is_refused_before_anything_runs(build: Build, data: Path) -> None:
    build()
    table = pq.read_table(data / "game.parquet")
    pq.write_table(table.append_column("note", table["en"]), data / "game.parquet")
    build("additive")
    pq.write_table(table.slice(1), data / "game.parquet")
    with pytest.raises(InputError, match="source 'game' changed since the last run: column 'note' is gone; 300 rows"):
        CleanedStage(settings(data)).check()
    build("accepted", accept_changes=True)
    CleanedStage(settings(data)).check()


def test_a_language_that_emptied_is_refused(build: Build, data: Path) -> None:
    build()
    table = pq.read_table(data / "game.parquet")
    emptied = table.set_column(table.column_names.index("fr"), "fr", pa.nulls(table.num_rows, pa.string()))
    pq.write_table(emptied, data / "game.parquet")
    with pytest.raises(InputError, match="source 'game' changed since the last run: language 'fr' is gone"):
        build("emptied")


def test_files_are_those_of_all_sources(data: Path) -> None:
    names = [path.name for path in CleanedStage(settings(data)).files()]
    assert names == ["chat.tsv", "game.parquet", "own.jsonl"]


def test_an_empty_split_is_refused(build: Build) -> None:
    sources = {"chat": SourceConfig("tsv", "chat.tsv", split="train")}
    with pytest.raises(InputError, match="the corpus has no dev rows"):
        build(sources=sources)
    assert build("no_dev", sources=sources, required_splits=["train"]).facts["rows"]["dev"] == 0


def test_max_rows(build: Build) -> None:
    sources = {"game": SourceConfig(path="game.parquet", max_rows=150)}
    assert build(sources=sources).facts["sources"]["game"]["rows_in"] == 150
