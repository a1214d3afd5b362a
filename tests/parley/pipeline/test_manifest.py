"""Manifests are read back, and what is no manifest is named."""

from pathlib import Path

import pytest

from parley.pipeline.errors import InputError
from parley.pipeline.manifest import Manifest, read_manifest, write_manifest


def test_round_trip(tmp_path: Path) -> None:
    written = Manifest("corpus", 1, "aa", {"root": "."}, {}, {}, {"rows": 3}, 0.5, 1, "2026-01-01T00:00:00+00:00")
    write_manifest(tmp_path, written)
    assert read_manifest(tmp_path) == written


def test_digests_of_files_are_kept_whatever_these_are_called(tmp_path: Path) -> None:
    contents = {"parts/signatures.npy": "ab", "secret_santa.parquet": "cd", "api_key": "ef"}
    written = Manifest(
        "corpus", 1, "aa", {"api_key": "x"}, {}, {}, {}, 0.5, 1, "2026-01-01T00:00:00+00:00", contents=contents
    )
    write_manifest(tmp_path, written)
    found = read_manifest(tmp_path)
    assert (found.contents, found.config) == (contents, {"api_key": "(hidden)"})


@pytest.mark.parametrize("text", [None, "{", "{}", "[]", '{"stage": "corpus"}'])
def test_missing_or_damaged_manifest_is_named(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=str(tmp_path)):
        read_manifest(tmp_path)
