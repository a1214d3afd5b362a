"""Published forms of annotations become spans; what does not fit names its row."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parley.pipeline.errors import InputError
from qe_model.annotations.reading.dimensions import dimension_of
from qe_model.annotations.reading.error_spans import read_error_spans
from qe_model.annotations.reading.mqm_parquet import read_mqm_parquet
from qe_model.annotations.reading.registry import READERS
from qe_model.annotations.reading.word_tags import read_word_tags
from qe_model.annotations.words import word_labels

REAL = Path("../shared/data/qe")
PAIR = '{{"source":"a","target":"{}","source_lang":"en","target_lang":"de","spans":[{}]}}'


def span(start: int, end: int, severity: str, **more: str) -> dict[str, Any]:
    kind = {"side": "target", "category": "Fluency/Grammar", "dimension": "fluency"}
    return {"start": start, "end": end, "severity": severity} | kind | more


def mqm_row(**more: Any) -> dict[str, Any]:
    return {
        "src_lang": "de", "tgt_lang": "en", "system": "s", "doc": "d", "seg_id": 1, "rater": "r1", "source": "Na, gut.",
        "target": "Well, good.", "spans": [span(0, 4, "minor"), span(5, 5, "neutral")], "mqm_penalty": 1.0,
        "rating": None, "context_prev": ["Hallo."], "context_prev_target": ["Hello."], "split": "dev",
    } | more  # fmt: skip


def tag_row(**more: Any) -> dict[str, Any]:
    return {
        "src_lang": "en", "tgt_lang": "de", "source": "Hi, you", "target": "Hallo, du da", "source_tok": "Hi , you",
        "target_tok": "Hallo , du da", "source_tags": ["OK", "OK", "BAD"], "target_tags": ["OK", "OK", "BAD", "BAD"],
        "gap_tags": ["OK", "BAD", "OK", "OK", "BAD"], "hter": 0.5, "da_z": None, "split": "train",
    } | more  # fmt: skip


def parquet(tmp_path: Path, *rows: dict[str, Any]) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows)), tmp_path / "set.parquet")
    return tmp_path / "set.parquet"


def test_mqm_rows_of_one_translation_are_joined(tmp_path: Path) -> None:
    omitted = span(6, 10, "major", category="Accuracy/Omission", dimension="accuracy")
    second = mqm_row(rater="r2", spans=[omitted], mqm_penalty=5.0)
    (one,) = read_mqm_parquet(parquet(tmp_path, mqm_row(), second))
    assert one.raters == ("r1", "r2")
    assert [(s.rater, s.severity, s.dimension, one.target[s.start : s.end]) for s in one.spans] == [
        ("r1", "minor", "fluency", "Well"),
        ("r2", "major", "accuracy", "good"),
    ]
    assert one.split == "dev"
    assert one.known == {"severity", "dimension"}
    assert [(m.text, m.translation) for m in one.context] == [("Hallo.", "Hello.")]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (mqm_row(spans=[span(0, 99, "minor")]), r"set.parquet: row 1: .*0 to 99 does not fit its target of 11"),
        (mqm_row(spans=[span(3, 1, "minor")]), "set.parquet: row 1: a span from 3 to 1"),
        (mqm_row(spans=[span(0, 1, "severe")]), "row 1: severity of a span is 'severe'"),
        (mqm_row(context_prev=[]), "row 1: 0 context messages, 1 translations"),
    ],
)
def test_mqm_rows_that_do_not_fit(tmp_path: Path, row: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        list(read_mqm_parquet(parquet(tmp_path, row)))


def test_word_tags_become_runs_points_and_source_spans(tmp_path: Path) -> None:
    (one,) = read_word_tags(parquet(tmp_path, tag_row()))
    assert [(s.side, s.start, s.end) for s in one.spans] == [
        ("target", 7, 12), ("source", 4, 7), ("target", 5, 5), ("target", 12, 12)
    ]  # fmt: skip
    assert one.target_words is not None
    labels = word_labels(one.spans, one.target_words)
    assert [bool(s) for s in labels.severity] == [False, False, True, True]
    assert [bool(s) for s in labels.gaps] == [False, True, False, False, True]
    assert one.known == {"gaps", "source"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (tag_row(target_tags=["OK"]), "row 1: 1 target tags where 4 are needed"),
        (tag_row(gap_tags=["OK"] * 4), "row 1: 4 gap tags where 5"),
        (tag_row(target_tags=["OK", "OK", "good", "OK"]), "OK or BAD, not good"),
    ],
)
def test_word_tags_that_do_not_fit(tmp_path: Path, row: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        list(read_word_tags(parquet(tmp_path, row)))


def test_tokens_that_do_not_spell_the_text_replace_it(tmp_path: Path) -> None:
    (one,) = read_word_tags(parquet(tmp_path, tag_row(target="Etwas anderes")))
    assert one.target == "Hallo , du da"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("s.jsonl", json.dumps({"source": "a", "target": "b c", "source_lang": "en", "target_lang": "de",
                                "error_spans": [{"start": 0, "end": 1, "severity": "Major"}]})),
        ("s.tsv", 'source\ttarget\tsource_lang\ttarget_lang\tspans\n'
                  'a\tb c\ten\tde\t[{"start": 0, "end": 1, "severity": "major"}]'),
        ("s.tsv", "source\ttarget\tsource_lang\ttarget_lang\tstart_indices\tend_indices\terror_severities\n"
                  "a\tb c\ten\tde\t0\t1\tmajor"),
    ],
)  # fmt: skip
def test_error_span_files(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    (one,) = read_error_spans(tmp_path / name)
    assert [(s.start, s.end, s.severity) for s in one.spans] == [(0, 1, "major")]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("s.jsonl", "{broken", "line 1: not JSON"),
        ("s.jsonl", '{"source": "a"}', "line 1: no column target, source_lang"),
        ("s.jsonl", PAIR.format("b", '{"start":0}'), "cannot be read"),
        ("s.jsonl", PAIR.format("", '{"start":0,"end":1,"severity":"minor"}'), "does not fit its target of 0"),
        ("s.tsv", "source\ttarget\tsource_lang\ttarget_lang\na\tb\tc", "line 2 has 3 fields, the first line has 4"),
        ("s.txt", "", "expected one of"),
    ],
)  # fmt: skip
def test_misaligned_files_name_the_row(tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=words):
        list(read_error_spans(tmp_path / name))


def test_empty_copied_and_long_translations_are_read(tmp_path: Path) -> None:
    rows = [
        {"source": "a", "target": target, "source_lang": "en", "target_lang": "de", "spans": []}
        for target in ("", "a", "x" * 5000)
    ]
    (tmp_path / "s.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert [len(one.target) for one in read_error_spans(tmp_path / "s.jsonl")] == [0, 1, 5000]


@pytest.mark.parametrize(
    ("category", "published", "dimension"),
    [
        ("Fluency/Register", "style", "consistency"),
        ("Terminology/Inconsistent", "consistency", "consistency"),
        ("Terminology/Inappropriate for context", "terminology", "accuracy"),
        ("Style/Awkward", "style", "fluency"),
        ("Locale convention/Name format", "locale", "fluency"),
        ("Accuracy/Mistranslation", "", "accuracy"),
        ("Grammar", "", "fluency"),
        ("", "other", "other"),
        ("", "", "other"),
    ],
)
def test_dimensions(category: str, published: str, dimension: str) -> None:
    assert dimension_of(category, published) == dimension


def test_unknown_form_lists_the_forms() -> None:
    assert READERS.names() == ["campaign", "error_spans", "mqm_parquet", "word_tags"]
    with pytest.raises(InputError, match="campaign or error_spans or mqm_parquet or word_tags"):
        READERS["xml"]


@pytest.mark.skipif(not REAL.is_dir(), reason="needs the annotations in ../shared/data/qe")
def test_real_files_are_read_whole() -> None:
    chat = list(read_mqm_parquet(REAL / "mqm_chat22.parquet"))
    assert len(chat) == 10_657
    assert len({one.id for one in chat}) == len(chat)
    assert any(message.translation for one in chat for message in one.context)
    tags = list(read_word_tags(REAL / "wordtags_wmt22qe.parquet"))
    assert sum(len(one.target_words or ()) for one in tags) == 17301 + 24079 + 38847 + 24223 + 16898 + 23466
