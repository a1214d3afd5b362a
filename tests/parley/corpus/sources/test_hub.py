"""Hub datasets, through local folders and data files that `datasets` streams in the same way."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parley.pipeline.errors import InputError
from tests.parley.corpus.sources.conftest import Opened, rows

CARD = """---
configs:
- config_name: en-fr
  data_files:
  - {split: train, path: en-fr/train.parquet}
  - {split: validation, path: en-fr/validation.parquet}
- config_name: en-th
  data_files:
  - {split: train, path: en-th/train.parquet}
  - {split: validation, path: en-th/validation.parquet}
---
"""


def pairs_dataset(folder: Path) -> None:
    """A dataset laid out as OPUS-100 is: one configuration per pair, translation dictionaries."""
    (folder / "README.md").write_text(CARD)
    for other in ("fr", "th"):
        (folder / f"en-{other}").mkdir()
        for split, count in (("train", 3), ("validation", 1)):
            table = pa.table({"translation": [{"en": f"{split} {n}", other: f"{other} {n}"} for n in range(count)]})
            pq.write_table(table, folder / f"en-{other}" / f"{split}.parquet")


def test_subsets_and_splits_of_translation_dictionaries(tmp_path: Path, opened: Opened) -> None:
    pairs_dataset(tmp_path)
    subsets: dict[str, dict[str, str]] = {"en-fr": {}, "en-th": {}}
    reader = opened("hub", ".", subsets=subsets, split_names={"train": "train", "validation": "dev"})
    assert reader.head().languages == ["en", "fr", "th"]
    found = [table.to_pylist() for table in reader.tables()]
    assert [(len(part), part[0]["split"], *list(part[0])[:2]) for part in found] == [
        (3, "train", "en", "fr"),
        (3, "train", "en", "th"),
        (1, "validation", "en", "fr"),
        (1, "validation", "en", "th"),
    ]


def test_columns_of_a_subset(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "en-de.jsonl").write_text(json.dumps({"english": "yes", "non_english": "ja"}) + "\n")
    reader = opened(
        "hub",
        "json",
        data_files={"train": "{subset}.jsonl"},
        subsets={"en-de": {"english": "en", "non_english": "de"}},
    )
    assert rows(reader) == [{"en": "yes", "de": "ja"}]


def test_csv_files_of_subsets_with_a_limit(tmp_path: Path, opened: Opened) -> None:
    """As the mined pairs of NLLB: compressed, no header, no quoting, "NA" is text, numbers are text."""
    for pair in ("en-fr", "de-en"):
        lines = [f'1.{n}\t{pair} "{n}\tNA' for n in range(5)]
        (tmp_path / f"{pair}.tsv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    reader = opened(
        "hub",
        "csv",
        data_files={"train": "{subset}.tsv.gz"},
        options={"delimiter": "\t", "names": ["score", "first", "second"], "quoting": 3, "keep_default_na": False},
        subsets={"de-en": {"first": "de", "second": "en"}, "en-fr": {"first": "en", "second": "fr"}},
        max_rows=2,
    )
    assert [row for table in reader.tables() for row in table.to_pylist()] == [
        {"de": 'de-en "0', "en": "NA"},
        {"de": 'de-en "1', "en": "NA"},
        {"en": 'en-fr "0', "fr": "NA"},
        {"en": 'en-fr "1', "fr": "NA"},
    ]


def test_languages_are_joined_by_key(tmp_path: Path, opened: Opened) -> None:
    """As FLORES+: one configuration per language, the same ids in each."""
    for code, texts in {"eng_Latn": {"1": "one", "2": "two"}, "fra_Latn": {"2": "deux", "1": "un"}}.items():
        lines = [json.dumps({"id": key, "text": text}) for key, text in texts.items()]
        (tmp_path / f"{code}.jsonl").write_text("\n".join(lines))
    reader = opened(
        "hub",
        "json",
        join="id",
        data_files={"devtest": "{subset}.jsonl"},
        split_names={"devtest": "test"},
        subsets={"eng_Latn": {"text": "en"}, "fra_Latn": {"text": "fr"}},
    )
    assert [(row["row_id"], row["en"], row["fr"]) for row in rows(reader)] == [
        ("example:devtest:1", "one", "un"),
        ("example:devtest:2", "two", "deux"),
    ]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"subsets": {"en-xx": {}}}, "en-xx"),
        ({"subsets": {"en-fr": {}}, "split_names": {"dev": "dev"}}, "dev"),
        ({"subsets": {"en-fr": {"text": "en"}}}, "no column 'text'; it has: translation.en translation.fr"),
    ],
)
def test_what_is_not_there_is_named(
    tmp_path: Path, opened: Opened, fields: dict[str, dict[str, dict[str, str]]], problem: str
) -> None:
    pairs_dataset(tmp_path)
    with pytest.raises(InputError, match=problem) as raised:
        opened("hub", ".", **fields).head()
    assert "\n" not in str(raised.value)
    assert "example" in str(raised.value)


def test_a_dataset_that_does_not_exist_is_one_line(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="source 'example'") as raised:
        opened("hub", "nobody/nothing-of-this-name").head()
    assert "\n" not in str(raised.value)
