"""The list of sources that a configuration comes to."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parley.corpus.cleaned_stage import CleanedStage
from parley.corpus.config import CorpusConfig
from parley.corpus.contract import Shape
from parley.corpus.source_config import SourceConfig
from parley.corpus.sources.reader import Part, Reader, tabulated
from parley.corpus.sources.registry import SOURCES, list_sources, open_reader
from parley.pipeline.errors import InputError
from tests.parley.corpus.whole import build_corpus, whole


def folder(tmp_path: Path, exclude: list[str], **sources: SourceConfig) -> CorpusConfig:
    for name in ("chat", "game", "news"):
        pq.write_table(pa.table({"en": ["a"], "fr": ["b"]}), tmp_path / f"{name}.parquet")
    return CorpusConfig(sources=sources, exclude=exclude, root=str(tmp_path))


EACH = SourceConfig(path="*.parquet", each_file=True, licence="CC BY 4.0", licences={"game": "MIT"})


def test_a_source_for_each_file(tmp_path: Path) -> None:
    found = list_sources(folder(tmp_path, ["news"], all=EACH))
    assert [(source.name, source.path, source.licence) for source in found] == [
        ("chat", "chat.parquet", "CC BY 4.0"),
        ("game", "game.parquet", "MIT"),
    ]


def test_a_source_named_after_a_file_takes_its_place(tmp_path: Path) -> None:
    own = SourceConfig(path="game.parquet", licence="GPL-3.0", languages=["en"])
    found = {source.name: source for source in list_sources(folder(tmp_path, [], all=EACH, game=own))}
    assert sorted(found) == ["chat", "game", "news"]
    assert found["game"].licence == "GPL-3.0"


def test_excluding_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exclude: no source 'gmae'; there are: chat game news"):
        list_sources(folder(tmp_path, ["gmae"], all=EACH))


def test_no_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a corpus needs at least one"):
        list_sources(folder(tmp_path, []))


def test_an_unknown_format_and_a_glob_of_what_is_no_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown source format 'parqet'; choose parquet"):
        open_reader(SourceConfig("parqet"), CorpusConfig())
    with pytest.raises(InputError, match="source 'all': each_file"):
        list_sources(folder(tmp_path, [], all=SourceConfig("hub", "game", each_file=True)))


def test_a_format_from_outside_is_read_under_its_name(tmp_path: Path) -> None:
    @SOURCES.register("toy_subtitles")
    class SubtitleReader(Reader):
        """Two lines, English and French, then an empty one."""

        def head(self) -> Shape:
            return Shape({"en": "string", "fr": "string"}, ["en", "fr"])

        def read(self, part: Part) -> Iterator[pa.Table]:
            for path in self.files_of(part):
                blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
                yield from tabulated((block.split("\n") for block in blocks), ["en", "fr"])

    for name, text in (("a", "Go now!\nVas-y !\n\nStop!\nArrête !"), ("b", "Wait!\nAttends !")):
        (tmp_path / f"{name}.sub").write_text(text, encoding="utf-8")
    config = CorpusConfig(
        sources={"film": SourceConfig("toy_subtitles", "*.sub", split="train")},
        languages=["en", "fr"],
        required_splits=["train"],
        root=str(tmp_path),
    )
    assert [shard.task["file"] for shard in CleanedStage(config).shards({})] == [0, 1]
    texts = whole(build_corpus(config, tmp_path), "train", ["fr"])["fr"].to_pylist()
    assert texts == ["Vas-y !", "Arrête !", "Attends !"]
