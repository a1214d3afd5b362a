"""Selection: real train texts of the right language, another sample every round, never dev; bad input named."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from backtranslation import selection
from backtranslation.config import BacktranslationConfig, TextFile
from backtranslation.selection import SELECTED, rare_pairs, select
from parley.corpus.store import Corpus
from parley.pipeline.errors import InputError
from tests.backtranslation.examples import corpus_folder
from tests.training.chat_corpus import chat_message

CONFIG = BacktranslationConfig(pairs=["fr-th"], candidates=40)


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "PIVOT_MIN_ROWS", 50)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.open(corpus_folder(tmp_path_factory.mktemp("corpus")))


def chosen(corpus: Corpus, round_number: int = 1, **changes: Any) -> pa.Table:
    return select(corpus, replace(CONFIG, **changes).selection(round_number))


def number(text: str) -> int:
    return int(text.split()[-1])


def by_direction(table: pa.Table) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        found.setdefault(row["direction"], []).append(row)
    return found


def test_pairs_are_listed_or_found_by_their_direct_rows(corpus: Corpus) -> None:
    assert rare_pairs(corpus, ["th-fr", "fr-th", "en-fr"], 0) == ["en-fr", "fr-th"]
    assert rare_pairs(corpus, [], 1) == ["fr-th"]  # withheld: counts 0
    assert rare_pairs(corpus, [], 180) == ["en-th", "fr-th", "th-zh-Hans"]
    with pytest.raises(InputError, match="no pair has fewer than rare_under=0"):
        rare_pairs(corpus, [], 0)
    with pytest.raises(InputError, match="fr-ko: 'ko' is not a language of this run; it has en fr"):
        rare_pairs(corpus, ["fr-ko"], 0)


def test_back_takes_real_text_of_the_target(corpus: Corpus) -> None:
    table = chosen(corpus)
    assert table.schema == SELECTED
    rows = by_direction(table)
    assert {direction: len(found) for direction, found in rows.items()} == {"fr-th": 40, "th-fr": 40}
    for row in rows["fr-th"]:
        assert (row["original_language"], row["synthetic_language"], row["use"]) == ("th", "fr", "back")
        assert row["original"] == row["partner"] == chat_message("th", number(row["original"]))
        assert row["origin_row"] == f"chat:{number(row['original'])}"


def test_dev_rows_are_never_taken(corpus: Corpus) -> None:
    table = chosen(corpus, candidates=1000, uses=["back", "forward", "pivot"])
    assert table.num_rows > 500
    assert not [row for row in table["origin_row"].to_pylist() if int(row.split(":")[1]) % 12 == 5]


def test_rounds_take_other_texts_until_there_are_no_more(corpus: Corpus) -> None:
    def texts(round_number: int) -> set[str]:
        return {row["original"] for row in by_direction(chosen(corpus, round_number))["fr-th"]}

    rounds = [texts(number) for number in (1, 2, 3, 4)]
    assert [len(each) for each in rounds] == [40] * 4
    assert len(set.union(*rounds)) == 160
    assert all(len(each) == 40 for each in (texts(5), texts(9)))  # 176 texts: from the front again
    assert texts(1) == rounds[0]


def test_the_seed_decides(corpus: Corpus) -> None:
    assert chosen(corpus).equals(chosen(corpus))
    assert not chosen(corpus).equals(chosen(corpus, seed=2))


def test_a_pair_with_human_rows_takes_text_without_them(corpus: Corpus) -> None:
    found = by_direction(chosen(corpus, pairs=["fr-zh-Hans"], uses=["back", "forward"], candidates=20))
    back = {number(row["original"]) for row in found["fr-zh-Hans"] if row["use"] == "back"}
    assert back
    assert all(each % 7 == 0 for each in back), "these rows alone lack French"
    assert {row["use"] for row in found["zh-Hans-fr"]} == {"forward"}, "no French without Chinese"


def test_back_and_forward_share_translations(corpus: Corpus) -> None:
    found = by_direction(chosen(corpus, uses=["back", "forward"]))
    back = [row["original"] for row in found["fr-th"] if row["use"] == "back"]
    forward = [row["original"] for row in found["th-fr"] if row["use"] == "forward"]
    assert back == forward
    assert len(back) == 20


def test_pivots_pair_real_targets_with_sources_of_a_rich_language(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    for direction, rows in by_direction(chosen(corpus, uses=["pivot"])).items():
        source, target = direction.split("-")
        for row in rows:
            message = number(row["original"])
            assert row["original_language"] in ("en", "zh-Hans")
            assert row["original"] == chat_message(row["original_language"], message)
            assert row["partner"] == chat_message(target, message)
            assert row["synthetic_language"] == source
    monkeypatch.setattr(selection, "PIVOT_MIN_ROWS", 10_000)
    with pytest.raises(InputError, match="no monolingual text for fr-th"):
        chosen(corpus, uses=["pivot"])


def test_poor_pairs_are_searched_by_beam_and_others_sampled(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    table = chosen(corpus, pairs=["fr-th", "en-th"], uses=["back", "forward"])
    decoding = {row["direction"]: row["decoding"] for row in table.to_pylist()}
    assert decoding == {"fr-th": "beam", "th-fr": "beam", "en-th": "beam", "th-en": "beam"}
    monkeypatch.setattr(selection, "BEAM_UNDER", 100)
    table = chosen(corpus, pairs=["fr-th", "en-th"], uses=["back", "forward"])
    assert {row["decoding"] for row in table.to_pylist() if "en" in row["direction"]} == {"sampling"}


def test_a_direction_without_text_is_named(corpus: Corpus) -> None:
    """Every row with Thai has English as well, so that nothing is left for English to Thai."""
    with pytest.raises(InputError, match=r"no monolingual text for en-th \(uses back\)"):
        chosen(corpus, pairs=["en-th"])


def test_files_serve_where_the_corpus_has_nothing(corpus: Corpus, tmp_path: Path) -> None:
    draw = random.Random(1)
    lines = ["".join(draw.choices("กขคงจชซญดตถทธน", k=20)) for _ in range(30)]
    dev = [chat_message("th", each) for each in (41, 53)]
    (tmp_path / "th.txt").write_text("\n".join([*lines, *dev, "", lines[0], "ข" * 400]), encoding="utf-8")
    files = [TextFile("th", str(tmp_path / "th.txt"))]
    found = by_direction(chosen(corpus, pairs=["en-th"], files=files))["en-th"]
    assert sorted(row["original"] for row in found) == sorted(lines), "no dev text, no copy, no overlong line"
    assert {row["origin_row"] for row in found} == {f"th.txt:{line}" for line in range(1, 31)}


@pytest.mark.parametrize(
    ("code", "content", "message"),
    [
        ("th", None, "cannot be read: No such file"),
        ("th", b"fine\n\xff\xfe\n", "line 2: not valid UTF-8"),
        ("ko", b"fine\n", "'ko' is not a language of this run"),
    ],
)
def test_bad_files_are_named(corpus: Corpus, tmp_path: Path, code: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "mono.txt").write_bytes(content)
    with pytest.raises(InputError, match=f"mono.txt.*{message}"):
        chosen(corpus, files=[TextFile(code, str(tmp_path / "mono.txt"))])
