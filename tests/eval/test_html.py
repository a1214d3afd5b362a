"""The page: complete at full size, escaped, self-contained, and nothing where the report has nothing."""

import random
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from eval.html import direction_rows, heat, render, routing_maps, score_map, withheld_directions
from training.languages import CODES, directions


def full_report() -> dict[str, Any]:
    """A report with every section, 16 languages, made-up figures."""
    generator = random.Random(1)
    pairs = {direction: {"n": 100, "systems": {"teacher": _scores(generator)}} for direction in directions()}
    shares = [[generator.random() for _ in range(8)] for _ in CODES]
    return {
        "schema": 1,
        "run": {
            "name": "demo",
            "versions": {"python": "3.11"},
            "git": {"revision": "0123456789abcdef", "changed": False},
            "hardware": {"processor": "Some CPU", "cores": 2, "memory_gb": 8.0},
            "seeds": {"teacher.training": 1},
            "seconds": {"teacher": 240.5},
        },
        "systems": {"teacher": {"params": 11_200_000, "active_params": 5_000_000, "bytes": 44_800_000}},
        "pairs": pairs,
        "mean": {"teacher": _scores(generator) | {"directions": 240, "n": 24_000}},
        "metrics": {
            "signatures": {"chrf": "nrefs:1"},
            "notes": ["BLEU of th is over characters."],
            "bootstrap": {"samples": 1000, "seed": 1, "confidence": 0.95},
        },
        "slices": {"auto_source": {"teacher": {"chrf": 60.0, "clean": 61.0, "delta_ci": [-2.0, -0.5], "n": 2400}}},
        "source_detection": {
            "system": "teacher",
            "accuracy": 0.97,
            "n": 99,
            "by_length": {"1-5": {"accuracy": 0.8, "n": 9}},
        },
        "speed": {"teacher": {"messages": 24_000, "seconds": 60.0, "messages_per_second": 400.0, "beam_size": 1}},
        "training": {"curves": {"loss": [[1, 5.0], [9, 2.0]], "dev/chrf": [[5, 20.0], [9, 60.0]]}},
        "data": {
            "withheld_pairs": ["fr-th"],
            "rows": {"train": 900, "dev": 50, "test": 50},
            "languages": {code: {"train": 800, "dev": 40, "test": 45} for code in CODES},
            "cleaning": {
                "filters": [{"name": "length", "rows_in": 9, "rows_out": 8, "examples": [{"en": "<b>!", "fr": "x"}]}]
            },
        },
        "tokenizer": {"languages": {"th": {"tokens_per_character": 0.4, "tokens_per_word": None, "byte_share": 0.0}}},
        "routing": {
            "languages": list(CODES),
            "experts_by_language": {"encoder.1": shares},
            "mutual_information": {"family": {"encoder.1": 0.4}, "mean": 0.4},
        },
        "samples": [
            {
                "pair": "en-zh-Hant",
                "system": "teacher",
                "row_id": "a",
                "domain": "lobby",
                "source": "<script>alert(1)</script>",
                "reference": "準備好了嗎？",
                "hypothesis": '"&amp;',
            }
        ],
    }


def _scores(generator: random.Random) -> dict[str, Any]:
    chrf = generator.uniform(40, 80)
    rates = {key: generator.random() / 50 for key in ("off_target", "copies", "empty", "looping")}
    interval = [chrf - 1, chrf + 1]
    return {"chrf": chrf, "chrf_ci": interval, "chrfpp": chrf, "bleu": chrf / 2, "bleu_ci": interval, **rates}


class Structure(HTMLParser):
    """Tags that are opened and closed in order, and what the page points to."""

    VOID = frozenset({"meta", "input", "line", "polyline"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.counts: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def parsed(page: str) -> Structure:
    structure = Structure()
    structure.feed(page)
    assert structure.open == []
    return structure


def test_full_page_is_sound_and_needs_no_network() -> None:
    page = render(full_report())
    structure = parsed(page)
    assert structure.links == []
    assert "url(" not in page
    assert "@import" not in page
    assert structure.counts["svg"] == 2
    assert page.count('<th scope="row" data-v=') == 240


def test_text_is_escaped() -> None:
    page = render(full_report())
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<b>!" not in page
    assert "&#34;&amp;amp;" in page


def test_texts_carry_their_language_for_the_right_glyphs() -> None:
    assert '<dd lang="zh-Hant">準備好了嗎？</dd>' in render(full_report())


@pytest.mark.parametrize(
    "key",
    [
        "systems",
        "slices",
        "source_detection",
        "speed",
        "training",
        "data",
        "tokenizer",
        "routing",
        "samples",
        "metrics",
    ],
)
def test_a_missing_key_leaves_its_section_out(key: str) -> None:
    report = full_report()
    if key == "systems":
        report["systems"] = {}
    else:
        del report[key]
    parsed(render(report))


def test_the_barest_report() -> None:
    run = {"versions": {}, "git": {}, "hardware": {}}
    parsed(render({"schema": 1, "run": run, "systems": {}}))


def test_matrix_cells_and_outlines() -> None:
    report = full_report()
    matrix = score_map(report, "teacher")
    assert matrix.row_names == matrix.column_names == list(CODES)
    cell = matrix.cells[CODES.index("fr")][CODES.index("th")]
    assert cell is not None
    assert cell.outlined
    assert cell.text == f"{report['pairs']['fr-th']['systems']['teacher']['chrf']:.0f}"
    assert all(matrix.cells[place][place] is None for place in range(16))
    outlined = [cell for row in matrix.cells for cell in row if cell and cell.outlined]
    assert len(outlined) == 2


def test_a_matrix_of_few_languages_is_small() -> None:
    report = full_report()
    report["pairs"] = {"en-fr": report["pairs"]["en-fr"]}
    matrix = score_map(report, "teacher")
    assert matrix.row_names == ["en", "fr"]
    assert matrix.cells[1][0] is None


def test_two_systems_have_a_matrix_each() -> None:
    report = full_report()
    report["mean"]["student"] = report["mean"]["teacher"]
    for entry in report["pairs"].values():
        entry["systems"]["student"] = entry["systems"]["teacher"]
    assert parsed(render(report)).counts["h2"] == parsed(render(full_report())).counts["h2"] + 1
    assert len(direction_rows(report)) == 480


def test_withheld_pairs_count_both_ways() -> None:
    assert withheld_directions(full_report()) == {"fr-th", "th-fr"}


def test_heat_stays_readable() -> None:
    for value in range(101):
        style = heat(value, 0, 100)
        red, green, blue = (int(style[12 + i : 14 + i], 16) for i in (0, 2, 4))
        luminance = (0.299 * red + 0.587 * green + 0.114 * blue) / 255
        text = 0.07 if "#111" in style else 1.0
        assert abs(luminance - text) > 0.4
    assert heat(5, 5, 5) == heat(50, 0, 100)


def test_routing_with_and_without_layer_names() -> None:
    assert [m.title for m in routing_maps({"experts_by_language": {"encoder.1": [[0.5, 0.5]]}})] == ["encoder.1"]
    assert [m.title for m in routing_maps({"experts_by_language": [[0.5, 0.5]]})] == [""]
    assert routing_maps({}) == []


def test_every_figure_on_the_page_is_in_the_report() -> None:
    report = full_report()
    page = render(report)
    shown = {float(text) for text in re.findall(r'data-v="([\d.]+)"', page)}
    scores = [entry["systems"]["teacher"] | {"n": entry["n"]} for entry in report["pairs"].values()]
    known = {x for s in scores for value in s.values() for x in (value if isinstance(value, list) else [value])}
    assert shown <= known
