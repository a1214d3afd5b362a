"""Spans that mean the same in every language."""

import pytest

from parley.languages.fixed_spans import KINDS, fixed_spans


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("look at https://a.io/x?y=1, or www.b.org.", {"urls": ["https://a.io/x?y=1", "www.b.org"]}),
        ("看https://a.io/9吧", {"urls": ["https://a.io/9"]}),  # the script ends it
        ("(see play.example.com/go) bob@mail.net", {"urls": ["play.example.com/go", "bob@mail.net"]}),
        ("ok.come on.network", {}),
        ("hi {name}, %s of %1$d ${n} <b>x</b>", {"placeholders": ["{name}", "%s", "%1$d", "${n}", "<b>", "</b>"]}),
        ("100% sure", {"numbers": ["100"]}),
        ("thx @ana_b.c. and@you", {"handles": ["@ana_b.c"]}),
        ("谢谢@ana的帮助", {"handles": ["@ana"]}),
        ("@Юра привет", {"handles": ["@Юра"]}),
        ("#win #게임 #1", {"hashtags": ["#win", "#게임"], "numbers": ["1"]}),
        ("10:30, 1,000 gr8 b4 lvl99 x2 5 ５０", {"numbers": ["10:30", "1,000", "99", "5", "５０"]}),
        ("gg👍🏽👨‍👩‍👧❤️🇫🇷1️⃣", {"emoji": ["👍🏽", "👨‍👩‍👧", "❤️", "🇫🇷", "1️⃣"]}),
        ("lol :) <3 :heart: T_T ^^ xD", {"emoticons": [":)", "<3", ":heart:", "T_T", "^^", "xD"]}),
        ("you #### ***, ._.", {"filtered": ["####", "***"], "emoticons": ["._."]}),
        ("12:34", {"numbers": ["12:34"]}),
        ("note:this a:b C# R&D wait(5)", {"numbers": ["5"]}),
        ("", {}),
    ],
)  # fmt: skip
def test_finds_spans_by_kind(text: str, found: dict[str, list[str]]) -> None:
    spans = fixed_spans(text)
    by_kind = {kind: [span.text for span in spans if span.kind == kind] for kind in KINDS}
    assert {kind: texts for kind, texts in by_kind.items() if texts} == found
    assert all(text[span.start : span.end] == span.text for span in spans)


def keys(text: str) -> list[str]:
    return [span.key for span in fixed_spans(text)]


def test_the_same_written_otherwise_has_the_same_key() -> None:
    assert keys("1,000") == keys("1.000") == keys("1 000") == keys("１０００") == keys("๑๐๐๐") == ["1000"]
    assert keys("❤️") == keys("❤")
    assert keys("👍") != keys("👍🏽")
    assert keys("@Ana") != keys("@ana")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["{", "a.", "@", "#_", "1.", "<a", ":a", "-", "a-", "0", "\u200d👍"])
def test_long_texts_take_linear_time(piece: str) -> None:
    assert len(fixed_spans(piece * 20_000)) <= 20_000
