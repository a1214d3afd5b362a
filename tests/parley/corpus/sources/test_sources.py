"""The list of sources that a configuration comes to."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parley.corpus.config import CorpusConfig, SourceConfig
from parley.corpus.sources import list_sources
from parley.pipeline.errors import InputError


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
