"""The pages: sound, self-contained, escaped, linked to one another, and silent about what the report lacks."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq
import pytest

from eval.report.pages.site import render_folder, write_pages
from eval.stored_outputs import StoredOutputs, read_outputs
from eval.testsets.outputs import SCHEMA
from parley.languages.table import CODES
from parley.pipeline.errors import InputError
from tests.eval.report.pages.full_report import EVIL, full_report, write

NAMES = ["en-fr", "fr-en", "en-th", "fr-th", "ja-zh-Hans", "zh-Hans-zh-Hant"]


class Structure(HTMLParser):
    """Tags opened and closed in order, links, and what could run or load."""

    VOID = frozenset({"meta", "input", "line", "polyline", "circle", "path", "link", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []
        self.counts: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def parsed(path: Path) -> Structure:
    structure = Structure()
    structure.feed(path.read_text())
    assert structure.open == []
    return structure


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write(folder, NAMES)
    return folder


def test_every_pair_and_language_has_its_page(site: Path) -> None:
    assert {path.stem for path in (site / "pairs").iterdir()} == set(NAMES)
    assert {path.stem for path in (site / "languages").iterdir()} == set(CODES)


def test_pages_are_sound_self_contained_and_linked(site: Path) -> None:
    for path in site.rglob("*.html"):
        structure = parsed(path)
        assert structure.handlers == []
        assert structure.counts["script"] == 1
        assert "img" not in structure.counts
        assert len(structure.ids) == len(set(structure.ids)), path
        for link in structure.links:
            inside = link.startswith("#") and unquote(link[1:]) in structure.ids
            assert link == "data:," or inside or (path.parent / link).resolve().is_file(), (path, link)
        assert "@import" not in path.read_text()
        assert "http://" not in path.read_text().replace("http://www.w3.org", "")


def test_hostile_text_is_shown_not_run(site: Path) -> None:
    for path in [site / "index.html", site / "pairs" / "en-fr.html"]:
        page = path.read_text()
        assert "<script>window.ran" not in page
        assert "<img" not in page
        assert "&lt;script&gt;" in page
        assert "<loop>" not in page


def test_the_pair_page_tells_all_there_is(site: Path) -> None:
    page = (site / "pairs" / "en-fr.html").read_text()
    for heading in (
        "Systems",
        "Differences",
        "What goes wrong",
        "Distribution",
        "Kinds of messages",
        "Back-translation",
    ):
        assert f">{heading}</h" in page
    for part in (
        "Wins of student",
        "Losses of student_int8",
        "Worst messages",
        "Hallucination",
        "Emoji",
        "30.1 without",
    ):
        assert part in page
    assert "Rare words: no training corpus" in page
    assert "QE: not run" not in page
    assert "significant loss" in page
    assert "✕ worst" in page
    assert ", adopted" in page
    assert "1.00 to 2.00" in page


def test_marked_errors_of_quality_estimation_are_escaped(site: Path) -> None:
    page = (site / "pairs" / "en-fr.html").read_text()
    for part in ("Accuracy", "Messages by QE score", "people, en-fr", "0.11 (alignment)", "&lt;b&gt;flag"):
        assert part in page
    assert page.count('<mark class="critical" title="critical, accuracy">&lt;script&gt;</mark>') == 3  # outputs
    assert '<mark class="behind" title="critical, accuracy">&lt;scr</mark>ipt&gt;' in page  # the source
    assert '<mark class="critical" title="critical, accuracy">∅</mark>' in page
    assert "No annotations by people" in (site / "pairs" / "en-th.html").read_text()


def test_what_people_said_stands_with_the_command_that_asks_them(site: Path) -> None:
    page = (site / "pairs" / "en-fr.html").read_text()
    assert "<td>1</td><td>71.5</td><td>60.0 to 80.0</td><td>20</td>" in page
    assert "80 outputs judged by 2; 77 of them" in page
    assert "MCC 0.41" in page
    unasked = (site / "pairs" / "en-th.html").read_text()
    assert "People: not asked." in unasked
    assert "python scripts/campaign.py report=FOLDER pair=en-th" in unasked


def test_the_overview_tells_quality_speed_and_eight_bits(site: Path) -> None:
    page = (site / "index.html").read_text()
    for part in ("made errors, all directions", "1 of 2</b> languages", "70.0 % with it", "7.2 ms", "187 of 200"):
        assert part in page
    assert "&lt;i&gt;.6 6.0 %, &lt;i&gt;.5 5.0 %" in page
    assert "Damaged Thai" in (site / "languages" / "th.html").read_text()
    assert "| student\\_int8 |" in (site / "summary.md").read_text()


def test_a_run_of_quality_estimation_alone_has_its_page(tmp_path: Path) -> None:
    known, _ = full_report(NAMES)
    write_pages(tmp_path, {key: known[key] for key in ("schema", "run", "qe")}, read_outputs([]))
    assert "people" in (tmp_path / "index.html").read_text()
    assert "Cost and speed" not in (tmp_path / "index.html").read_text()


def test_withheld_pairs_are_marked(site: Path) -> None:
    assert "never trained on directly" in (site / "pairs" / "fr-th.html").read_text()
    assert "never trained on directly" not in (site / "pairs" / "en-fr.html").read_text()


def test_the_overview_decides(site: Path) -> None:
    page = (site / "index.html").read_text()
    assert "Do not ship" in page
    assert "1 of 2 gates failed: worst, 1 not judged" in page
    for title in ("Gap teacher → student", "Gap student → student_int8", "Change since promoted, student", "QE score"):
        assert title in page


def test_the_summary_is_safe_markdown(site: Path) -> None:
    summary = (site / "summary.md").read_text()
    assert summary.startswith("# Do not ship: demo \\<b\\>\n")
    assert "| worst | **failed** | 1 | >= 20 | en-fr | a \\| b \\<i\\> |" in summary
    assert "| teacher → student |" in summary
    rows = [line for line in summary.splitlines() if line.startswith("|")]
    assert all(row.count("|") - row.count("\\|") >= 6 for row in rows)


def test_pages_can_be_written_again_from_the_folder(site: Path) -> None:
    before = (site / "pairs" / "en-fr.html").read_text()
    render_folder(site)
    assert (site / "pairs" / "en-fr.html").read_text() == before


def test_a_folder_without_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no report with its outputs"):
        render_folder(tmp_path)


def test_everything_shown_is_in_report_and_tables(site: Path) -> None:
    assert pq.read_table(site / "outputs.parquet").num_rows == pq.read_table(site / "message_scores.parquet").num_rows
    assert EVIL in pq.read_table(site / "outputs.parquet")["source"].to_pylist()


@pytest.mark.parametrize(
    "key", ["systems", "slices", "speed", "training", "data", "tokenizer", "routing", "metrics", "qe", "quantization"]
)
def test_a_missing_key_leaves_its_part_out(key: str, tmp_path: Path) -> None:
    report, stored = full_report(NAMES[:2])
    report.pop(key)
    report.setdefault("systems", {})
    for path in write_pages(tmp_path, report, stored):
        if path.suffix == ".html":
            parsed(path)


def test_the_barest_report(tmp_path: Path) -> None:
    report: dict[str, Any] = {"schema": 1, "run": {"versions": {}, "git": {}, "hardware": {}}, "systems": {}}
    write_pages(tmp_path, report, StoredOutputs(SCHEMA.empty_table()))
    assert "No verdict" in (tmp_path / "index.html").read_text()
    assert "Routing: not measured." in (tmp_path / "routing.html").read_text()
