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
from parley.corpus.sources.listing import absent, list_sources
from parley.corpus.sources.reader import Part, Reader, tabulated
from parley.corpus.sources.registry import SOURCES, open_reader
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


def test_what_is_excluded_need_not_be_there_and_is_named(tmp_path: Path) -> None:
    config = folder(tmp_path, ["gmae", "news"], all=EACH)
    assert [source.name for source in list_sources(config)] == ["chat", "game"]
    assert absent(config) == ["gmae"]


def test_files_of_one_stem_are_all_read_under_names_that_differ(tmp_path: Path) -> None:
    for name in ("en-fr/train.tsv", "en-de/train.tsv", "en-de/train.csv", "[v2] it's/chat.tsv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("en\tfr\na\tb\n")
    sources = {form: SourceConfig(form, f"*/*.{form}", each_file=True) for form in ("tsv", "csv")}
    config = CorpusConfig(sources=sources, root=str(tmp_path))
    found = list_sources(config)
    assert [source.name for source in found] == ["chat", "en-de/train.csv", "en-de/train.tsv", "en-fr/train"]
    assert [path for source in found for path in open_reader(source, config).files()] == [
        tmp_path / source.path for source in found
    ]


def test_a_file_of_two_sources_and_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'chat\.parquet' is matched by two sources"):
        list_sources(folder(tmp_path, [], all=EACH, again=EACH))
    with pytest.raises(InputError, match="two are called 'x'"):
        list_sources(folder(tmp_path, [], a=SourceConfig(name="x"), b=SourceConfig(name="x")))


@pytest.mark.parametrize("name", ["brackets [v2]", "[a-z]", "it's", "数据", "données", "a*b?", "chat (v2)"])
def test_folders_of_any_name_are_taken_as_they_stand(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    config = folder(tmp_path / name, [], all=EACH)
    built = CorpusConfig(sources=config.sources, root=config.root, languages=["en", "fr"], required_splits=[])
    assert build_corpus(built, tmp_path / name).facts["sources"]["chat"]["rows_in"] == 1


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
