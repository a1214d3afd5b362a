"""What a configuration refuses before anything is read."""

from typing import Any

import pytest

from parley.corpus.config import CorpusConfig
from parley.corpus.source_config import SourceConfig
from parley.pipeline.errors import InputError


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"columns": {"a": "eng"}}, "unknown language code 'eng': did you mean 'en'"),
        ({"columns": {"a": "en", "b": "en"}}, "two columns are mapped to 'en'"),
        ({"subsets": {"x": {"a": "xx"}}}, "unknown language code 'xx'"),
        ({"languages": ["zh"]}, "unknown language code 'zh'"),
        ({"split": "training"}, "unknown split 'training'"),
        ({"encoding": "utf-16"}, "cannot be read line by line"),
        ({"encoding": "utf-99"}, "unknown encoding 'utf-99'"),
    ],
)
def test_bad_sources(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        SourceConfig(**{"path": "a", **fields})


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"languages": ["en"]}, "at least two"),
        ({"languages": ["en", "xx"]}, "unknown language code 'xx'"),
        ({"withhold_pairs": ["fr"]}, "'fr' is not a direction"),
        ({"dev_share": 0.6, "test_share": 0.5}, "must leave a share for train"),
        ({"required_splits": ["valid"]}, "unknown split 'valid'"),
    ],
)
def test_bad_corpora(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        CorpusConfig(**fields)


def test_codes_and_withheld_pairs_have_one_order() -> None:
    config = CorpusConfig(languages=["th", "fr", "en"], withhold_pairs=["th-fr", "fr-th"])
    assert config.codes == ["en", "fr", "th"]
    assert config.withheld == ["fr-th"]


def test_a_withheld_pair_of_languages_that_are_not_there_says_nothing() -> None:
    assert CorpusConfig(languages=["en", "fr"], withhold_pairs=["fr-th", "fr-en"]).withheld == ["en-fr"]
