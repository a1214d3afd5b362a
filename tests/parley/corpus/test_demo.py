"""The composer on a small invented set of phrases, and the shipped phrases held to their rules."""

import re
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from parley.corpus.demo import DemoConfig, Phrase, compose_demo, folded, join, load_phrases
from parley.languages.table import CODES, LANGUAGES, pair
from parley.pipeline.errors import InputError

CJK = ("ja", "zh-Hans", "zh-Hant")
SCRIPTS = {  # characters that text of a script may hold besides digits and punctuation, and one it must hold
    "Latn": ("LATIN",),
    "Cyrl": ("CYRILLIC",),
    "Thai": ("THAI",),
    "Jpan": ("HIRAGANA", "KATAKANA", "CJK", "KATAKANA-HIRAGANA"),
    "Hang": ("HANGUL",),
    "Hans": ("CJK",),
    "Hant": ("CJK",),
}
LATIN_ALLOWED = re.compile(r"\{name\}|\{number\}|[A-Z]{2,4}\b|\b(?:gg|lag|boss|bot|ping)\b", re.IGNORECASE)


def written(text: str, folder: Path, name: str = "theme.yaml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def entry(key: str, word: str, **changed: str) -> str:
    end = dict.fromkeys(CJK, "。") | {"th": ""}
    texts = {code: f"{word} {code}{end.get(code, '.')}" for code in CODES} | changed
    return yaml.safe_dump([{"key": key} | {code: text for code, text in texts.items() if text}], allow_unicode=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for theme in ("one", "two"):
        words = [f"{theme}{index}" + (" {name}" if index == 3 else "") for index in range(12)]
        written("".join(entry(f"{theme}.{index}", word) for index, word in enumerate(words)), tmp_path, f"{theme}.yaml")
    return tmp_path


@cache
def shipped() -> tuple[Phrase, ...]:
    return load_phrases()


@cache
def demo() -> pa.Table:
    return compose_demo(DemoConfig())


def rows(table: pa.Table, split: str) -> list[dict[str, str]]:
    return table.filter(pc.equal(table["split"], split)).to_pylist()


def test_table_has_the_columns_and_sizes_of_the_config(folder: Path) -> None:
    table = compose_demo(DemoConfig(train_rows=150, dev_rows=8, test_rows=12), folder)
    assert table.column_names == ["row_id", "domain", "split", "origin", *CODES]
    assert Counter(table["split"].to_pylist()) == {"train": 150, "dev": 8, "test": 12}
    assert set(table["domain"].to_pylist()) == {"one", "two"}
    assert set(table["origin"].to_pylist()) == {"human"}
    ids = table["row_id"].to_pylist()
    assert ids == sorted(set(ids))


def test_equal_configs_give_equal_tables_and_another_seed_another(folder: Path) -> None:
    config = DemoConfig(train_rows=100, dev_rows=5, test_rows=5)
    assert compose_demo(config, folder).equals(compose_demo(config, folder))
    assert not compose_demo(config, folder).equals(compose_demo(DemoConfig(100, 5, 5, seed=2), folder))


def test_sentences_are_joined_as_the_language_does() -> None:
    assert join(["Hello.", "Ready?", "🔥"]) == "Hello. Ready? 🔥"
    assert join(["やあ。", "行く？", "🔥"]) == "やあ。行く？🔥"
    assert join(["你好", "走吧！"]) == "你好 走吧！"
    assert join(["สวัสดี", "พร้อมไหม"]) == "สวัสดี พร้อมไหม"


def test_every_phrase_stands_alone_in_train() -> None:
    train = {row["en"] for row in rows(demo(), "train")}
    rest = [phrase.texts["en"] for phrase in shipped() if phrase.texts["en"] not in train]
    patterns = [re.escape(text).replace(r"\{name\}", r"\w+").replace(r"\{number\}", r"\d+") for text in rest]
    assert all("{" in text for text in rest)
    assert not [pattern for pattern in patterns if not any(re.fullmatch(pattern, text) for text in train)]


def test_held_out_messages_are_complete_and_unseen_in_train_in_every_language() -> None:
    for code in CODES:
        seen = {folded(row[code]) for row in rows(demo(), "train") if row[code]}
        held_out = [folded(row[code]) for split in ("dev", "test") for row in rows(demo(), split)]
        assert len(held_out) == len(set(held_out)) == 192
        assert not seen & set(held_out)


@pytest.mark.parametrize("withheld", DemoConfig().withhold_pairs)
def test_no_train_row_holds_both_languages_of_a_withheld_pair(withheld: str) -> None:
    first, second = pair(withheld)
    train = rows(demo(), "train")
    assert all((row[first] is None) != (row[second] is None) for row in train)
    assert 0.45 < sum(row[first] is None for row in train) / len(train) < 0.55


def test_pairs_that_are_not_withheld_keep_rows(folder: Path) -> None:
    train = rows(compose_demo(DemoConfig(100, 0, 0, withhold_pairs=["fr-th"]), folder), "train")
    assert all(row["en"] and row["pl"] and row["ja"] for row in train)


def test_beside_a_hub_a_rare_language_stands_with_nothing_else(folder: Path) -> None:
    config = DemoConfig(400, 4, 4, ["fr-th", "ko-pt"], hub="en", rare_share=0.2)
    table = compose_demo(config, folder)
    train = [{code for code in CODES if row[code]} for row in rows(table, "train")]
    for rare in ("th", "pt"):
        assert {frozenset(row) for row in train if rare in row} == {frozenset({"en", rare})}
        assert 0.15 < sum(rare in row for row in train) / len(train) < 0.25
    assert {frozenset(row) for row in train if "fr" in row} == {frozenset(CODES) - {"th", "pt"}}
    assert all(row[code] for row in rows(table, "test") for code in CODES)


@pytest.mark.parametrize(
    ("hub", "share", "problem"), [("fr", 0.1, "outside the withheld pairs"), ("en", 0.5, "together at most 1")]
)
def test_hubs_that_cannot_be(hub: str, share: float, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        DemoConfig(hub=hub, rare_share=share)


def test_messages_have_one_to_three_phrases_and_sometimes_an_emoji() -> None:
    english = [row["en"] for row in rows(demo(), "train")]
    sentences = Counter(len(re.findall(r"[.!?…]+(?= |$)", text)) for text in english)
    assert sum(sentences[n] for n in (1, 2)) > 0.6 * len(english)
    with_emoji = sum(any(unicodedata.category(c) == "So" for c in text) for text in english)
    assert 0.1 < with_emoji / len(english) < 0.3


def test_no_slot_stays_unfilled() -> None:
    for row in demo().to_pylist():
        assert not any("{" in (row[code] or "") for code in CODES)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"th": ""}, "no text for th"),
        ({"ko": "이름 {name}"}, "ko has not the slots of en"),
        ({"fr": "Place\u0301."}, "fr is not normalised"),
        ({"de": "Zwei  Wege."}, "de is not normalised (docs/corpus.md): write 'Zwei Wege.'"),
        ({"es": "Word es {player}."}, "es has not the slots of en"),
    ],
)
def test_a_bad_phrase_is_refused_by_file_and_key(tmp_path: Path, changed: dict[str, str], message: str) -> None:
    written(entry("theme.fine", "Other") + entry("theme.bad", "Word", **changed), tmp_path)
    with pytest.raises(InputError, match=rf"theme\.yaml: theme\.bad: {re.escape(message)}"):
        load_phrases(tmp_path)


def test_unknown_slots_and_languages_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="slots may be"):
        load_phrases(written(entry("theme.bad", "Word {player}"), tmp_path))
    with pytest.raises(InputError, match="unknown language xx"):
        load_phrases(written(entry("theme.bad", "Word", xx="Word."), tmp_path))


def test_phrases_that_coincide_are_refused(tmp_path: Path) -> None:
    written(entry("theme.a", "Word") + entry("theme.b", "Other", pl="word PL!"), tmp_path)
    with pytest.raises(InputError, match=r"theme\.b: pl is the same text as theme\.a"):
        load_phrases(tmp_path)


def test_a_key_twice_is_refused_within_a_file_and_over_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"theme\.a: this key is also in theme\.yaml"):
        load_phrases(written(entry("theme.a", "Word") + entry("theme.a", "Other"), tmp_path))
    with pytest.raises(InputError, match=r"theme\.yaml: .*'fr' stands twice"):
        load_phrases(written(entry("theme.a", "Word") + "  fr: Encore.\n", tmp_path))
    written(entry("theme.a", "Word"), tmp_path)
    with pytest.raises(InputError, match=r"theme\.a: this key is also in other\.yaml"):
        load_phrases(written(entry("theme.a", "Other"), tmp_path, "other.yaml"))


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [", "theme.a: text\n", "- en: Hi.\n"])
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"theme\.yaml"):
        load_phrases(written(text, tmp_path))


def test_too_few_or_too_many_rows_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 24"):
        compose_demo(DemoConfig(train_rows=10), folder)
    few = tmp_path / "few"
    few.mkdir()
    with pytest.raises(InputError, match="no phrase file"):
        load_phrases(few)
    written(entry("theme.a", "Word") + entry("theme.b", "Other"), few)
    with pytest.raises(InputError, match=r"only 2 of 100 .* ask for fewer rows"):
        compose_demo(DemoConfig(train_rows=2, dev_rows=0, test_rows=100), few)
    with pytest.raises(InputError, match="is not a direction"):
        DemoConfig(withhold_pairs=["fr-xx"])


def scripts_of(text: str) -> set[str]:
    letters = [c for c in LATIN_ALLOWED.sub("", text) if unicodedata.category(c)[0] == "L"]
    return {unicodedata.name(c).split()[0] for c in letters}


@pytest.mark.parametrize("code", CODES)
def test_shipped_phrases_are_in_their_script(code: str) -> None:
    allowed = set(SCRIPTS[LANGUAGES[code].script])
    wrong = {p.key: p.texts[code] for p in shipped() if not scripts_of(p.texts[code]) <= allowed}
    assert not wrong


@pytest.mark.parametrize("code", CODES)
def test_shipped_phrases_end_as_the_language_ends_sentences(code: str) -> None:
    ends = "。！？" if code in CJK else ".!?…"
    if code == "th":
        wrong = {p.key: p.texts[code] for p in shipped() if p.texts[code][-1] in ".。"}
    else:
        wrong = {p.key: p.texts[code] for p in shipped() if p.texts[code][-1] not in ends}
    assert not wrong


def test_shipped_spanish_opens_questions_and_exclamations() -> None:
    texts = {p.key: p.texts["es"] for p in shipped()}
    wrong = {key: t for key, t in texts.items() if t.count("¡") != t.count("!") or t.count("¿") != t.count("?")}
    assert not wrong


def test_shipped_chinese_keeps_the_two_scripts_apart() -> None:
    opencc = pytest.importorskip("opencc")
    to_simplified, to_traditional = opencc.OpenCC("t2s"), opencc.OpenCC("s2t")
    for phrase in shipped():
        hans, hant = phrase.texts["zh-Hans"], phrase.texts["zh-Hant"]
        assert to_simplified.convert(hans) == hans, phrase.key
        assert to_simplified.convert(hant) != hant or to_traditional.convert(hant) == hant, phrase.key


def test_shipped_phrases_are_many_and_copies_of_english_are_few() -> None:
    assert len(shipped()) >= 300
    for code in set(CODES) - {"en"}:
        copies = [p.key for p in shipped() if folded(p.texts[code]) == folded(p.texts["en"])]
        assert len(copies) <= 3, (code, copies)
