"""The pages in a real browser: no errors, no network, links, sorting, filtering, hostile text, phone, dark, print."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eval.report.pages.browser import Browser, find_browser
from tests.eval.report.pages.full_report import SYSTEMS, write

PROGRAM = find_browser()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no browser: neither chromium nor google-chrome is installed")
NAMES = ["en-fr", "fr-en", "en-th", "th-en", "fr-th", "th-fr", "ja-zh-Hans", "zh-Hans-zh-Hant"]
PAGES = ["index.html", "routing.html", "languages/zh-Hans.html", *(f"pairs/{name}.html" for name in NAMES)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write(folder, NAMES)
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert PROGRAM is not None
    opened = Browser(PROGRAM, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_without_errors_network_or_foreign_script(browser: Browser, site: Path, page: str) -> None:
    browser.screen(1200)
    browser.open(site / page)
    assert browser.problems == []
    assert [url for url in browser.requests if not url.startswith(("file:", "data:"))] == []
    assert browser.evaluate("typeof window.ran") == "undefined"
    assert browser.evaluate("document.querySelectorAll('img').length") == 0


def test_errors_that_quality_estimation_saw_are_marked_as_text(browser: Browser, site: Path) -> None:
    browser.open(site / "pairs" / "en-fr.html")
    marks = browser.evaluate(
        """[...document.querySelectorAll('.estimated mark')].map(mark =>
             [mark.className, mark.title, mark.textContent, getComputedStyle(mark).boxShadow !== 'none'])"""
    )
    assert ["critical", "critical, accuracy", "<script>", True] in marks
    assert ["critical", "critical, accuracy", "∅", True] in marks
    assert {kind for kind, *_ in marks} <= {"critical", "major", "minor", "behind"}
    tags = "[...document.querySelectorAll('.estimated .tag')].map(tag => tag.textContent)"
    assert "<b>flag" in browser.evaluate(tags)
    assert browser.evaluate("document.querySelectorAll('.estimated b b, .estimated script, .estimated i').length") == 0


def test_every_system_has_its_row_and_column(browser: Browser, site: Path) -> None:
    browser.open(site / "pairs" / "en-fr.html")
    rows = "[...document.querySelectorAll('main table')].map(t => [...t.rows].map(r => r.cells[0].textContent.trim()))"
    tables = browser.evaluate(rows)
    systems = [sorted(table[1:]) for table in tables if table[0] == "System"]
    assert sorted(SYSTEMS) in systems
    assert sorted(SYSTEMS[:-1]) in systems  # by quality estimation
    assert ["student", "teacher"] in systems  # by people
    assert any("student → student_int8" in table for table in tables)
    browser.open(site / "languages" / "fr.html")
    heads = browser.evaluate("[...document.querySelectorAll('main th')].map(head => head.textContent.trim())")
    assert set(SYSTEMS) <= set(heads)
    browser.open(site / "index.html")
    maps = browser.evaluate("[...document.getElementById('map').options].map(option => option.value)")
    assert {"gap:student:student_int8", "gap:teacher:from_file", "qe:student_int8", "change:student"} <= set(maps)


def test_outputs_of_a_file_are_shown_not_run(browser: Browser, site: Path) -> None:
    browser.open(site / "pairs" / "en-fr.html")
    choice = "document.querySelector('select[data-shows=worst]')"
    browser.evaluate(f"{choice}.value = 'from_file'; {choice}.dispatchEvent(new Event('input'))")
    shown = "[...document.querySelectorAll('.worst:not([hidden]) dd')].map(text => text.textContent)"
    assert any("<script>window.ran = 1</script>" in text for text in browser.evaluate(shown))
    assert browser.evaluate("typeof window.ran") == "undefined"


def test_the_check_for_hostile_script_would_notice(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text("<p><script>window.ran = 1; console.error('x')</script>")
    browser.open(tmp_path / "bad.html")
    assert browser.evaluate("window.ran") == 1
    assert len(browser.problems) == 1


def test_every_cell_of_every_map_leads_to_its_pair(browser: Browser, site: Path) -> None:
    browser.open(site / "index.html")
    cells = browser.evaluate(
        """[...document.querySelectorAll('table.heat')].flatMap(table => {
             const targets = [...table.tHead.rows[0].cells].map(cell => cell.textContent);
             return [...table.tBodies[0].rows].flatMap(row => [...row.cells].flatMap((cell, column) => {
               const link = cell.matches('td') && cell.querySelector('a');
               return link ? [[row.cells[0].textContent + '-' + targets[column], link.getAttribute('href')]] : [];
             }));
           })"""
    )
    assert {name for name, _ in cells} == set(NAMES)
    assert all(href == f"pairs/{name}.html" for name, href in cells)
    assert len(cells) > 5 * len(NAMES)


def test_a_click_on_a_cell_opens_the_pair(browser: Browser, site: Path) -> None:
    browser.open(site / "index.html")
    browser.evaluate("document.querySelector('.map:not([hidden]) a[href=\"pairs/fr-th.html\"]').click()")
    browser.wait_for("document.title.startsWith('fr-th') && document.readyState === 'complete'")
    assert browser.evaluate("document.querySelector('h1').textContent") == "French → Thai"


def test_one_map_is_shown_at_a_time(browser: Browser, site: Path) -> None:
    browser.open(site / "index.html")
    shown = "[...document.querySelectorAll('.map:not([hidden]) h3')].map(head => head.textContent)"
    assert browser.evaluate(shown) == ["chrF, student_int8"]
    browser.evaluate(
        "document.getElementById('map').value = 'gap:teacher:student';"
        "document.getElementById('map').dispatchEvent(new Event('input'))"
    )
    assert browser.evaluate(shown) == ["Gap teacher → student"]


def test_columns_sort_both_ways(browser: Browser, site: Path) -> None:
    browser.open(site / "index.html")
    column = "[...document.querySelectorAll('#directions tbody tr')].map(row => parseFloat(row.cells[2].textContent))"
    click = "document.querySelectorAll('#directions button.sort')[2].click()"
    assert browser.evaluate(column) not in (sorted(browser.evaluate(column)), [])
    browser.evaluate(click)
    values = browser.evaluate(column)
    assert values == sorted(values, reverse=True)
    browser.evaluate(click)
    assert browser.evaluate(column) == sorted(values)
    assert browser.evaluate("document.querySelectorAll('#directions th')[2].getAttribute('aria-sort')") == "ascending"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", set(NAMES)),
        ("fr-th", {"fr-th"}),
        ("th", {"en-th", "th-en", "fr-th", "th-fr"}),
        ("zh-Hant", {"zh-Hans-zh-Hant"}),
        ("xx", set()),
    ],
)
def test_the_filter_leaves_what_was_asked_for(browser: Browser, site: Path, text: str, found: set[str]) -> None:
    browser.open(site / "index.html")
    browser.evaluate(
        f"document.getElementById('filter').value = {text!r};"
        "document.getElementById('filter').dispatchEvent(new Event('input'))"
    )
    rows = "[...document.querySelectorAll('#directions tbody tr:not([hidden])')]"
    assert set(browser.evaluate(f"{rows}.map(row => row.dataset.direction)")) == found
    systems = browser.evaluate(f"{rows}.map(row => row.dataset.system)")
    assert set(systems) <= {"student_int8"}  # the system that would be shipped is chosen first


@pytest.mark.parametrize("page", ["index.html", "pairs/en-fr.html", "languages/th.html", "routing.html"])
def test_a_phone_needs_no_sideways_scrolling_of_the_page(browser: Browser, site: Path, page: str) -> None:
    browser.screen(360, 740)
    browser.open(site / page)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 360


def test_dark_and_print(browser: Browser, site: Path) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    browser.screen(1200, scheme="dark")
    browser.open(site / "index.html")
    assert browser.evaluate(background) == "rgb(17, 23, 29)"
    browser.screen(1200, media="print")
    assert browser.evaluate(background) == "rgb(255, 255, 255)"
    assert browser.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_on_every_colour_can_be_read(browser: Browser, site: Path, scheme: str) -> None:
    browser.screen(1200, scheme=scheme)
    browser.open(site / "index.html")
    ratios = browser.evaluate(
        """(() => {
             const light = text => {
               const parts = text.match(/[\\d.]+/g).slice(0, 3).map(part => part / 255);
               const linear = parts.map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
               return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
             };
             const names = ['s', 'd'].flatMap(scale => [...Array(11).keys()].map(step => scale + step));
             return names.map(name => {
               const cell = document.createElement('div');
               cell.className = name;
               document.body.append(cell);
               const style = getComputedStyle(cell);
               const pair = [light(style.color), light(style.backgroundColor)].sort((a, b) => b - a);
               cell.remove();
               return [name, (pair[0] + 0.05) / (pair[1] + 0.05)];
             });
           })()"""
    )
    assert [(name, round(ratio, 1)) for name, ratio in ratios if ratio < 4.5] == []


def test_the_page_is_named_for_readers_of_screens(browser: Browser, site: Path) -> None:
    for page in PAGES[:4]:
        browser.open(site / page)
        assert browser.evaluate("document.documentElement.lang") == "en"
        assert browser.evaluate("document.querySelectorAll('h1').length") == 1
        assert browser.evaluate("[...document.querySelectorAll('th')].every(head => head.scope)")
        assert browser.evaluate(
            "[...document.querySelectorAll('input, select')].every(field => field.labels.length || field.ariaLabel)"
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", ["index.html", "pairs/en-fr.html", "languages/fr.html", "routing.html"])
def test_axe_has_no_serious_finding(browser: Browser, site: Path, page: str, scheme: str) -> None:
    pytest.importorskip("axe_core_python", reason="no axe-core: axe-core-python is not installed")
    browser.screen(1000, scheme=scheme)
    browser.open(site / page)
    assert browser.serious_findings() == []


def test_axe_would_notice(browser: Browser, tmp_path: Path) -> None:
    pytest.importorskip("axe_core_python", reason="no axe-core: axe-core-python is not installed")
    (tmp_path / "bad.html").write_text('<html lang="en"><title>x</title><main><h1>x</h1><button></button></main>')
    browser.open(tmp_path / "bad.html")
    assert [finding.partition(":")[0] for finding in browser.serious_findings()] == ["button-name"]


def test_the_keyboard_reaches_what_scrolls_and_every_button(browser: Browser, site: Path) -> None:
    browser.screen(360, 740)
    browser.open(site / "pairs" / "en-fr.html")
    out_of_reach = """[...document.querySelectorAll('.scroll, button, a, select, input, summary')].filter(part =>
        part.tabIndex < 0 && (!part.matches('.scroll') || part.scrollWidth > part.clientWidth)).length"""
    assert browser.evaluate(out_of_reach) == 0
    assert (
        browser.evaluate("document.querySelector('.scroll[tabindex]').getAttribute('aria-label')") == "Table: Systems"
    )
    button = "document.querySelector('table.sortable button')"
    browser.evaluate(f"{button}.focus()")
    for kind in ("keyDown", "keyUp"):
        browser.call(
            "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r"
        )
    assert browser.evaluate(f"{button}.closest('th').getAttribute('aria-sort')") == "descending"


@pytest.mark.parametrize("width", [360, 1200])
def test_notes_of_gates_are_seen_whole(browser: Browser, site: Path, width: int) -> None:
    browser.screen(width, 740)
    browser.open(site / "index.html")
    edges = browser.evaluate(
        "[...document.querySelectorAll('.note div')].map(note => note.getBoundingClientRect().right)"
    )
    assert edges
    assert max(edges) <= width


def test_a_message_is_cited_by_its_own_link(browser: Browser, site: Path) -> None:
    browser.open(site / "pairs" / "en-fr.html")
    ids = browser.evaluate("[...document.querySelectorAll('dl.message')].map(message => message.id)")
    assert len(ids) == len(set(ids)) > 8
    links = browser.evaluate(
        "[...document.querySelectorAll('dl.message .cite')].map(a => decodeURIComponent(a.getAttribute('href')))"
    )
    assert links == [f"#{name}" for name in ids]
    browser.evaluate("document.querySelector('.worst[data-key=from_file] .cite').click()")
    browser.wait_for("!document.querySelector('.worst[data-key=from_file]').hidden")
    assert browser.evaluate("document.querySelector('.message:target').id").startswith("worst:from_file:")


def test_choices_live_in_the_address(browser: Browser, site: Path) -> None:
    browser.open(site / "index.html")
    browser.evaluate(
        "for (const [id, value] of [['filter', 'fr-th'], ['system', 'teacher'], ['map', 'gap:teacher:student']]) {"
        "document.getElementById(id).value = value; document.getElementById(id).dispatchEvent(new Event('input')); }"
    )
    assert browser.evaluate("location.search") == "?filter=fr-th&system=teacher&map=gap%3Ateacher%3Astudent"
    browser.evaluate("window.before = true; location.reload()")
    browser.wait_for("!window.before && document.readyState === 'complete'")
    rows = "[...document.querySelectorAll('#directions tbody tr:not([hidden])')].map(row => row.dataset.direction)"
    assert browser.evaluate(rows) == ["fr-th"]
    assert browser.evaluate("document.querySelector('.map:not([hidden]) h3').textContent") == "Gap teacher → student"


SHOWN = "[...document.querySelectorAll('dl.message[data-points]:not([hidden])')]"


def choose(browser: Browser, **choices: str) -> None:
    for name, value in choices.items():
        field = f"document.getElementById('{name}')"
        browser.evaluate(f"{field}.value = {value!r}; {field}.dispatchEvent(new Event('input'))")


def test_messages_are_filtered_by_kind_failure_and_score_in_the_address(browser: Browser, site: Path) -> None:
    browser.open(site / "pairs" / "en-fr.html")
    everything = browser.evaluate(f"{SHOWN}.length")
    choose(browser, kind="Emoji")
    assert 0 < browser.evaluate(f"{SHOWN}.length") < everything  # the hostile message has none
    assert browser.evaluate(f"{SHOWN}.every(one => JSON.parse(one.dataset.kinds).includes('Emoji'))")
    choose(browser, kind="", failure="any")
    assert browser.evaluate(f"{SHOWN}.every(one => JSON.parse(one.dataset.failures).length > 0)")
    choose(browser, failure="", **{"from": "30", "to": "60"})
    points = browser.evaluate(f"{SHOWN}.map(one => parseFloat(one.dataset.points))")
    assert points
    assert all(30 <= value <= 60 for value in points)
    said = browser.evaluate("document.getElementById('fitting').textContent")
    assert said == f"{len(points)} of {everything} fit"
    assert browser.evaluate("location.search") == "?from=30&to=60"
    browser.evaluate("window.before = true; location.reload()")
    browser.wait_for("!window.before && document.readyState === 'complete'")
    assert browser.evaluate(f"{SHOWN}.map(one => parseFloat(one.dataset.points))") == points


def test_a_cited_message_is_shown_whatever_the_filter(browser: Browser, site: Path) -> None:
    browser.open(site / "pairs" / "en-fr.html")
    choose(browser, kind="Emoji")
    browser.evaluate(
        "location.hash = [...document.querySelectorAll('dl.message[data-points]')].find(one => one.hidden)"
        ".querySelector('.cite').getAttribute('href')"
    )
    browser.wait_for("document.querySelector('.message:target') && !document.querySelector('.message:target').hidden")


def test_missing_fonts_are_named(browser: Browser, site: Path) -> None:
    browser.open(site / "index.html")
    hidden, said = browser.evaluate(
        "[document.getElementById('fonts').hidden, document.getElementById('fonts').textContent]"
    )
    assert hidden is (said == "This machine has no font for: .")
