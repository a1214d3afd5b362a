"""Fingerprints change with what can change a result, and with nothing else."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from parley.pipeline.fingerprint import Digests, fingerprints, lasting
from parley.pipeline.stage import Stage, added
from tests.parley.pipeline.example_stages import Count, CountConfig, Join, Part


def fingerprint(stage: Stage, folder: Path) -> str:
    return fingerprints([stage], Digests(folder / "digests.sqlite"))[stage]


@pytest.mark.parametrize(
    ("config", "same"),
    [
        (CountConfig(), True),
        (CountConfig(delay=9.0), True),  # transient
        (CountConfig(part=Part(workers=8)), True),  # transient in a nested config
        (CountConfig(steps=4), False),
        (CountConfig(part=Part(width=3)), False),
        (CountConfig(parts=[Part()]), False),
    ],
)
def test_only_lasting_fields_count(config: CountConfig, same: bool, tmp_path: Path) -> None:
    assert (fingerprint(Count(config), tmp_path) == fingerprint(Count(CountConfig()), tmp_path)) is same


def test_transient_fields_in_a_list_do_not_count() -> None:
    assert lasting(CountConfig(parts=[Part(1, 2)])) == lasting(CountConfig(parts=[Part(1, 3)]))


@dataclass(frozen=True)
class Older:
    steps: int = 3


@dataclass(frozen=True)
class Newer(Older):
    part: Part = added(Part())
    names: list[str] = added(["a"])


def test_an_added_field_changes_nothing_until_it_is_used() -> None:
    assert lasting(Newer()) == lasting(Older())
    assert lasting(Newer(names=["b"])) == {"steps": 3, "names": ["b"]}
    assert lasting(Newer(part=Part(3))) == {"steps": 3, "part": {"width": 3}}
    assert Newer().names is not Newer().names


def test_version_and_inputs_count(tmp_path: Path) -> None:
    class NewerCount(Count):
        version = 2

    first, second = Count(CountConfig()), Count(CountConfig(steps=9))
    assert fingerprint(NewerCount(CountConfig()), tmp_path) != fingerprint(first, tmp_path)
    joins = [fingerprint(Join(Part(), {"count": stage}), tmp_path) for stage in (first, second)]
    assert joins[0] != joins[1]


def test_content_of_outside_files_counts_but_not_their_place(tmp_path: Path) -> None:
    texts = {"a/x.tsv": "one", "b/x.tsv": "one", "c/x.tsv": "two"}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    # `source` is a transient path, so only the contents differ here
    a, b, c = (fingerprint(Count(CountConfig(source=str(tmp_path / name))), tmp_path) for name in texts)
    assert a == b != c


def test_folder_digest_counts_names_and_contents(tmp_path: Path) -> None:
    digests, folder = Digests(tmp_path / "digests.sqlite"), tmp_path / "data"
    folder.mkdir()
    (folder / "one").write_text("1")
    first = digests.of(folder)
    (folder / "one").rename(folder / "two")
    assert digests.of(folder) != first


def test_digests_are_read_again_only_when_a_file_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, path = tmp_path / "digests.sqlite", tmp_path / "big.bin"
    path.write_text("first")
    stat, first = path.stat(), Digests(cache).of(path)
    with monkeypatch.context() as patch:
        patch.setattr("parley.pipeline.fingerprint._known", {})  # as in another process
        patch.setattr("parley.pipeline.fingerprint._read", lambda path: "read again")
        assert Digests(cache).of(path) == first
    with path.open("r+") as file:
        file.write("other")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # size, time and inode as before
    assert Digests(cache).of(path) != first


def test_config_is_frozen() -> None:
    with pytest.raises(AttributeError):
        replace(CountConfig()).steps = 7  # type: ignore[misc]
