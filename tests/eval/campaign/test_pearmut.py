"""A campaign in the real Pearmut and a real browser: two marks are changed, and the change arrives in the QE data."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from parley.config.command_line import run
from qe_model.annotations.reading.registry import READERS
from scripts.campaign import Arguments, main
from tests.eval.campaign.example_report import THAI, write_report
from tests.eval.report.pages.browser import Browser, find_browser

BROWSER, PEARMUT = find_browser(), os.environ.get("PEARMUT") or shutil.which("pearmut")
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no browser: neither chromium nor google-chrome is installed"),
    pytest.mark.skipif(PEARMUT is None, reason="no Pearmut: run `make test-campaign`, or name its program in PEARMUT"),
]
TIMEOUT = 60.0


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    assert BROWSER is not None
    opened = Browser(BROWSER, tmp_path / "profile")
    opened.screen(1400)
    yield opened
    opened.close()


class Server:
    """Pearmut with one campaign; `address` is its page for the rater."""

    def __init__(self, root: Path, campaign: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.root = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert PEARMUT is not None
        environment = os.environ | {"PEARMUT_ROOT": str(root)}
        subprocess.run([PEARMUT, "add", str(campaign)], env=environment, check=True, stdout=subprocess.DEVNULL)
        command = [PEARMUT, "run", "--port", self.root.rpartition(":")[2]]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        progress = json.loads(next((root / "data" / "progress").glob("*.json")).read_text())
        (rater,) = progress.values()
        self.address = f"{self.root}/{rater['url']}"
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            try:
                urlopen(self.root)
                return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError(self.root)

    def annotations(self, campaign: str) -> bytes:
        """What its dashboard downloads."""
        with urlopen(f"{self.root}/download-annotations?campaign_id={campaign}") as answer:
            return bytes(answer.read())


def move(browser: Browser, script: str, share: float = 0.5) -> tuple[float, float]:
    """Put the mouse on an element, a share of its width from the left."""
    box = f"(() => {{ const box = {script}.getBoundingClientRect(); return [box.x, box.y, box.width, box.height]; }})()"
    x, y, width, height = browser.evaluate(box)
    place = {"x": x + share * width, "y": y + height / 2}
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", **place)
    return place["x"], place["y"]


def click(browser: Browser, script: str, share: float = 0.5) -> None:
    """Click there."""
    x, y = move(browser, script, share)
    for kind in ("mousePressed", "mouseReleased"):
        browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def letter(place: int) -> str:
    return f"document.querySelector('.tgt_char[data-i=\"{place}\"]')"


def button(name: str) -> str:
    """A button of the tool box that is open."""
    boxes = "[...document.querySelectorAll('.span_toolbox_parent')].filter(box => box.style.display !== 'none')"
    return f"{boxes}[0].querySelector('.error_{name}')"


def annotate(browser: Browser) -> None:
    """In one message turn the mark from minor to critical and mark its emoji; score all."""
    browser.wait_for("document.querySelectorAll('.tgt_char').length > 1")
    if browser.evaluate("document.querySelectorAll('.error_minor.tgt_char').length") and "😀" in browser.evaluate(
        "document.querySelector('.output_tgt').textContent"
    ):
        move(browser, letter(1))
        click(browser, button("critical"))
        browser.wait_for("document.querySelectorAll('.tgt_char.error_critical').length === 5")
        move(browser, "document.querySelector('.output_src')")
        browser.wait_for(
            "[...document.querySelectorAll('.span_toolbox_parent')].every(box => box.style.display === 'none')"
        )
        start = THAI[0].index("😀")
        click(browser, letter(start))  # the first unit of its two is as wide as the emoji
        click(browser, letter(start))
        click(browser, button("major"))
        browser.wait_for("document.querySelectorAll('.tgt_char.error_major').length === 1")
    click(browser, "document.querySelector('input[type=range]')", share=0.25)
    browser.wait_for("document.querySelector('#button_next').value.startsWith('Next')")
    shown = browser.evaluate("document.querySelector('#progress_text').textContent")
    click(browser, "document.querySelector('#button_next')")
    browser.wait_for(f"document.querySelector('#progress_text').textContent !== {json.dumps(shown)}")


def test_two_changed_marks_arrive_in_the_qe_data(browser: Browser, tmp_path: Path) -> None:
    report, campaign = write_report(tmp_path / "report"), tmp_path / "campaign.json"
    words = [f"report={report}", "pair=fr-th", f"out={campaign}", "system=student", "messages=5"]
    with pytest.raises(SystemExit, match="0"):
        run(main, Arguments, argv=words)
    server = Server(tmp_path, campaign)
    try:
        browser.call("Page.navigate", url=server.address)
        browser.wait_for("!!document.querySelector('.output_tgt')")
        assert browser.evaluate("document.querySelector('#settings_word_level').checked") is False
        assert browser.evaluate("document.querySelectorAll('.output_block i, .output_block b').length") == 0
        made = json.loads(campaign.read_text(encoding="utf-8"))
        for _ in made["data"][0]:
            annotate(browser)
        browser.wait_for("document.querySelector('#button_next').value === 'Finished'")
        (tmp_path / "said.json").write_bytes(server.annotations(made["campaign_id"]))
    finally:
        server.process.terminate()
        server.process.wait()
    with pytest.raises(SystemExit, match="0"):
        run(main, Arguments, argv=[f"report={report}", f"read={tmp_path / 'said.json'}", f"out={tmp_path / 'p.jsonl'}"])
    found = {one.document: one for one in READERS["campaign"](tmp_path / "p.jsonl")}
    assert len(found) == len(THAI)
    changed = {(one.target[span.start : span.end], span.severity) for one in [found["row:0"]] for span in one.spans}
    assert changed == {(THAI[0][:5], "critical"), ("😀", "major")}
    assert {(span.start, span.end, span.severity) for span in found["row:2"].spans} == {(0, 5, "minor")}
