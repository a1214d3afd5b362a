"""A headless Chromium driven over its DevTools pipe: no package is needed, only the browser."""

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import time
from pathlib import Path
from typing import Any, Final

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TIMEOUT: Final = 30.0
Json = dict[str, Any]


def find_browser() -> str | None:
    """Path of an installed Chromium or Chrome."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class Browser:
    """One tab.

    Attributes:
        problems: console errors, exceptions and failed loads since the page was opened.
        requests: addresses asked for since then.
    """

    def __init__(self, program: str, profile: Path) -> None:
        self.problems: list[str] = []
        self.requests: list[str] = []
        self._ids = itertools.count(1)
        self._buffer = b""
        theirs, self._out = os.pipe()
        self._in, other = os.pipe()
        theirs, other = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in (theirs, other))
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]
        actions = [
            (os.POSIX_SPAWN_DUP2, theirs, 3),
            (os.POSIX_SPAWN_DUP2, other, 4),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        command = [program, *arguments, f"--user-data-dir={profile}", "about:blank"]
        self._process = os.posix_spawn(program, command, os.environ, file_actions=actions, setpgroup=0)
        for end in (theirs, other):
            os.close(end)
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """End the browser and whatever it started."""
        os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._in)
        os.close(self._out)

    def open(self, path: Path) -> None:
        """Load a file from disk and wait until it is there."""
        self.problems, self.requests = [], []
        self.call("Page.navigate", url=path.as_uri())
        self.wait_for("document.readyState === 'complete'")

    def call(self, method: str, **parameters: Any) -> Json:
        """One command of the DevTools protocol and its result."""
        answer = self._ask(method, **parameters)
        assert "error" not in answer, (method, answer)
        return dict(answer["result"])

    def _ask(self, method: str, **parameters: Any) -> Json:
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                return answer

    def evaluate(self, script: str) -> Any:
        """Value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Wait until an expression is true; a page that is just being left has no answer."""
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True)
            if answer.get("result", {}).get("result", {}).get("value") is True:
                return
            time.sleep(0.02)
        raise TimeoutError(script)

    def serious_findings(self) -> list[str]:
        """What axe-core calls serious or critical in the page, with the first element of each."""
        import axe_core_python

        self.evaluate((Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8") + ";void 0")
        self.evaluate("axe.run().then(result => { window.axeFound = result.violations }); void 0")
        self.wait_for("window.axeFound !== undefined")
        found = self.evaluate("axeFound.map(one => [one.impact, one.id, one.nodes[0].html])")
        return [f"{name}: {html}" for impact, name, html in found if impact in ("serious", "critical")]

    def screen(self, width: int, height: int = 900, scheme: str = "light", media: str = "") -> None:
        """Size of the screen, colour scheme, and screen or print."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def screenshot(self, path: Path) -> None:
        """Picture of what is on the screen."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _receive(self) -> Json:
        while b"\0" not in self._buffer:
            if not select.select([self._in], [], [], TIMEOUT)[0]:
                raise TimeoutError("the browser does not answer")
            chunk = os.read(self._in, 1 << 20)
            if not chunk:
                raise ConnectionError("the browser has ended")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: Json = json.loads(line)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, facts: Json) -> None:
        if method == "Runtime.exceptionThrown":
            self.problems.append(str(facts["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and facts["type"] in ("error", "warning"):
            self.problems.append(str(facts["args"]))
        elif method == "Log.entryAdded" and facts["entry"]["level"] in ("error", "warning"):
            self.problems.append(facts["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(facts["request"]["url"])
