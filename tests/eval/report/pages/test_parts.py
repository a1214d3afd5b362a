"""Parts of pages: word marks, colours, maps, plots, verdict, numbers."""

import pytest

from eval.report.pages.environment import bounds, duration, md, number, p_value, percent, signed, size
from eval.report.pages.heat import direction_maps, shade, withheld_directions
from eval.report.pages.overview import extremes, flat_facts, main_system, quantization_rows, verdict
from eval.report.pages.pair_page import bucket_rows, rate_rows, round_rows, uniform_kinds
from eval.report.pages.plots import common_scale, histogram_svg, interval_svg
from eval.report.pages.quality_tables import agreement_table, damage_rows, directions_of
from eval.report.pages.routing_page import information_rows, routing_maps
from eval.report.pages.word_marks import marked, spans_marked


@pytest.mark.parametrize(
    ("text", "other", "code", "expected"),
    [
        ("I see you", "I hear you", "en", "I <mark>see</mark> you"),
        ("same", "same", "en", "same"),
        ("", "x", "en", ""),
        ("a <b> c", "a c", "en", "a <mark>&lt;b&gt; </mark>c"),
        ("我去打那条大龙", "我们去打那条龙", "zh-Hans", "我去打那条<mark>大</mark>龙"),
        ("甲乙丙丁戊", "子乙丑丁寅", "zh-Hans", "<mark>甲乙丙丁戊</mark>"),  # single letters in common are chance
        ("ab-12 x", "ab-13 x", "th", "ab-<mark>12</mark> x"),
    ],
)
def test_words_that_the_other_lacks_are_marked(text: str, other: str, code: str, expected: str) -> None:
    assert str(marked(text, other, code)) == expected


def test_marks_keep_the_text() -> None:
    text = "it's <script> & 'quotes' ไปเลย"
    bare = str(marked(text, "other", "en", "ins")).replace("<ins>", "").replace("</ins>", "")
    assert bare == "it&#39;s &lt;script&gt; &amp; &#39;quotes&#39; ไปเลย"


def test_error_spans_are_marked_with_their_severity() -> None:
    spans = [
        {"start": 2, "end": 5, "severity": "major", "dimension": "accuracy"},
        {"start": 4, "end": 8, "severity": "minor"},  # what an earlier span covers is not marked twice
        {"start": 9, "end": 9, "severity": "critical", "dimension": "accuracy"},  # a point: something is missing
        {"start": 90, "end": 99, "severity": "<x>"},
    ]
    page = str(spans_marked("a <b> cd e", spans))
    assert page == (
        'a <mark class="major" title="major, accuracy">&lt;b&gt;</mark><mark class="minor" title="minor"> cd</mark> '
        '<mark class="critical" title="critical, accuracy">∅</mark>e'
    )


@pytest.mark.parametrize(
    ("value", "low", "high", "scale", "expected"),
    [
        (0, 0, 10, "s", "s0"),
        (10, 0, 10, "s", "s10"),
        (99, 0, 10, "s", "s10"),
        (5, 5, 5, "s", "s5"),
        (0, -4, 4, "d", "d5"),
        (-4, -4, 4, "d", "d0"),
        (9, -4, 4, "d", "d10"),
        (0, 0, 0, "d", "d5"),
    ],
)
def test_shades(value: float, low: float, high: float, scale: str, expected: str) -> None:
    assert shade(value, low, high, scale) == expected  # type: ignore[arg-type]


def report() -> dict:
    def scores(chrf: float) -> dict:
        return {"chrf": chrf, "chrf_ci": [chrf - 1, chrf + 1], "off_target": 0.02}

    pairs = {d: {"n": 9, "systems": {"teacher": scores(40.0), "student": scores(38.0)}} for d in ("en-fr", "fr-en")}
    return {"mean": {"teacher": {}, "student": {}}, "pairs": pairs, "data": {"withheld_pairs": ["en-fr"]}}


def test_maps_of_what_there_is() -> None:
    maps = {found.key: found for found in direction_maps(report())}
    assert list(maps) == [
        "chrf:teacher",
        "off_target:teacher",
        "chrf:student",
        "off_target:student",
        "gap:teacher:student",
    ]
    cell = maps["gap:teacher:student"].cells[0][1]
    assert cell is not None
    assert (cell.text, cell.style, cell.href, cell.outlined) == ("−2.0", "d0", "pairs/en-fr.html", True)
    assert maps["chrf:teacher"].cells[0][0] is None
    assert withheld_directions(report()) == {"en-fr", "fr-en"}


QUALITY = {
    "synthetic": {"mcc": 0.6, "mcc_ci": [0.5, 0.7]},
    "human": {
        "en-de": {"mcc": 0.2, "baselines": {"base_rate": None, "alignment": 0.1}},
        "en-de/tags": {"f1_bad": 0.4},
        "en-de/medical": {"f1_bad": 0.3},
    },
    "damage": {
        "th": {"shares": [0.0, 1.0], "scores": [90.0, 20.0], "messages": 3, "falls": True},
        "de": {"shares": [0.0, 1.0], "scores": [80.0, 85.0], "messages": 3, "falls": False},
    },
}


def test_agreement_stands_beside_the_best_baseline() -> None:
    found = agreement_table({"qe": QUALITY})
    assert [key for key, _ in found["columns"]] == ["mcc", "f1_bad"]
    assert [row["of"] for row in found["rows"]] == [
        "made errors, all directions",
        "people, en-de",
        "people, en-de (word tags)",
        "people, en-de (medicine)",
    ]
    assert [row["best"] for row in found["rows"]] == ["", "0.10 (alignment)", "", ""]
    assert len(agreement_table({"qe": QUALITY}, ["en-de"])["rows"]) == 3
    assert agreement_table({"qe": QUALITY}, ["fr-th"]) == agreement_table({}) == {}
    assert directions_of({"qe": QUALITY}, "de") == ["en-de"]


def test_damage_is_told_by_language() -> None:
    found = damage_rows({"qe": QUALITY})
    assert [(row["code"], row["falls"]) for row in found["rows"]] == [("de", False), ("th", True)]
    assert found["falling"] == 1
    assert found["rows"][1]["cells"][1].style == "s2"
    assert [row["code"] for row in damage_rows({"qe": QUALITY}, ["th"])["rows"]] == ["th"]
    assert damage_rows({"qe": QUALITY}, ["fr"]) == damage_rows({}) == {}


def test_verdict_and_shipped_system() -> None:
    passed, failed, unknown = ({"name": str(p), "passed": p} for p in (True, False, None))
    assert verdict({"gates": [passed, unknown]}) == {
        "word": "ship",
        "headline": "Ship",
        "why": "All 1 gates passed, 1 not judged.",
    }
    assert verdict({"gates": [passed, failed]})["word"] == "stop"
    assert verdict({"gates": [unknown]})["word"] == verdict({})["word"] == "none"
    assert main_system(report()) == "student"
    assert main_system({"mean": {"x": {}}}) == "x"
    assert main_system({}) == ""
    assert [row["direction"] for row in extremes(report(), "student")["worst"]] == ["en-fr"]


def test_the_worst_layers_of_eight_bits_come_first() -> None:
    layers = [{"name": str(place), "error": 0.01 * place} for place in range(9)]
    (row,) = quantization_rows({"quantization": {"student_int8": {"engine": "onnx", "layers": layers}}})
    assert [layer["name"] for layer in row["layers"]] == ["8", "7", "6", "5", "4"]
    assert (row["system"], row["engine"], row["middle"]) == ("student_int8", "onnx", 0.04)


def test_rounds_of_a_pair_are_found_from_both_directions() -> None:
    rounds = [{"adopted": True, "pairs": {"en-fr": {"accepted": 3, "gain_ci": [1.0, 2.0], "histogram": [1, 2, 3]}}}]
    found = round_rows({"backtranslation": {"rounds": rounds}}, "fr-en")
    assert found["rounds"] == [{"round": 1, "adopted": True, "facts": {"accepted": 3, "gain_ci": "1.00 to 2.00"}}]
    assert round_rows({}, "fr-en") == {"summary": None, "rounds": [], "columns": []}


def test_failures_are_shown_as_counts() -> None:
    rows = rate_rows({"n": 50, "systems": {"a": {"copies": 0.1}, "b": {"copies": None}}}, {})
    assert rows == [{"label": "Copy", "cells": [(0.1, 5), None]}]


def test_plots_stay_inside_and_escape() -> None:
    assert 'cx="75.0"' in interval_svg(0, (-1, 1), -2, 2)
    assert 'class="axis"' in interval_svg(0, (-1, 1), -2, 2)
    assert 'class="axis"' not in interval_svg(5, (4, 6), 3, 7)
    assert common_scale([(5, 5)]) == (4, 6)
    drawn = histogram_svg({"a": [0, 4], "b": [0, 0]}, '"<x>')
    assert "&lt;x&gt;" in drawn
    assert drawn.count("<polyline") == 2


def test_routing_has_a_table_for_each_layer() -> None:
    routing = {"languages": ["en"], "experts_by_language": {"encoder.1": [[0.5, 0.5]]}}
    assert [m.title for m in routing_maps(routing)] == ["encoder.1"]
    assert routing_maps({}) == []
    assert information_rows({"mean": 0.4, "family": {"x": 1}}) == [("mean", [("", 0.4)]), ("family", [("x", 1.0)])]


def test_numbers_as_people_read_them() -> None:
    assert (number(1234.56), number(None), percent(0.0123), percent(None)) == ("1,234.6", "", "1.2 %", "")
    assert (signed(-1.23), signed(1.2), bounds([-1, 2]), bounds(None)) == ("−1.2", "+1.2", "−1.0 to 2.0", "")
    assert (p_value(0.0004), p_value(0.0404), size(12_300_000), size(12)) == ("< 0.001", "0.040", "12.3 M", "12")
    assert (duration(7.46), duration(125), duration(3700)) == ("7.5 s", "2 min 5 s", "1 h 1 min")
    assert md("a|b\n<i>*") == "a\\|b \\<i\\>\\*"
    assert flat_facts({"a": {"b": 1.5}, "c": [1, 2]}) == [("a.b", "1.5"), ("c", "1, 2")]


def test_kinds_that_tell_no_messages_apart_are_said_in_words() -> None:
    def bucket(kind: str, name: str, n: int) -> dict:
        return {"kind": kind, "name": name, "n": n, "systems": {"a": {"chrf": 50.0}}}

    buckets = [bucket("slang", "without", 9), bucket("emoji", "with", 5), bucket("emoji", "without", 4)]
    entry = {"n": 9, "systems": {"a": {"chrf": 40.0}, "b": {"chrf": 1.0}}, "buckets": buckets}
    assert [(row["kind"], row["name"], row["n"]) for row in bucket_rows(entry, "chrf")] == [
        ("Emoji", "with", 5),
        ("Emoji", "without", 4),
    ]
    assert bucket_rows(entry, "chrf")[0]["cells"] == [({"chrf": 50.0}, "d8"), (None, "")]
    assert uniform_kinds(entry) == ["Slang: in no message.", "Rare words: no training corpus to count in."]
