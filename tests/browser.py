"""A headless Chromium that can reach this machine alone, driven over its DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
    "--remote-debugging-port=0",
    # A browser with no access to the internet: no name but this machine's resolves.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-proxy-server",
)
_PATIENCE = 30.0


class Page:
    """One tab. It remembers every address that was asked for and every complaint.

    Complaints are what a person would see in red or yellow in the console: errors, warnings,
    exceptions, refused requests and violations of the content security policy.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self._socket = socket
        self._sent = 0
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """One command of the protocol and its result."""
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(_PATIENCE))
            if message.get("id") == self._sent:
                assert "error" not in message, message["error"]
                return dict(message["result"])
            self._note(message.get("method", ""), message.get("params", {}))

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """What ``expression`` is in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Returns when ``expression`` is true in the page, and fails when it stays false."""
        until = time.monotonic() + _PATIENCE
        while not self.evaluate(expression):
            if time.monotonic() > until:
                raise AssertionError(f"Not within {_PATIENCE:.0f} s: {expression}\n{self.text()}")
            time.sleep(0.05)

    def wait_for_text(self, text: str, selector: str = "body") -> None:
        """Returns when the element shows ``text``."""
        self.wait_for(
            f"document.querySelector({json.dumps(selector)})?.innerText.includes({json.dumps(text)})"
        )

    def text(self) -> str:
        """All that the page shows as text."""
        return str(self.evaluate("document.body.innerText"))

    def click(self, selector: str) -> None:
        """A click with the mouse, in the middle of the first element that matches."""
        self.wait_for(f"document.querySelector({json.dumps(selector)}) !== null")
        spot = self.evaluate(
            "(element => { element.scrollIntoView({block: 'nearest'});"
            " const box = element.getBoundingClientRect();"
            " return {x: box.x + box.width / 2, y: box.y + box.height / 2}; })"
            f"(document.querySelector({json.dumps(selector)}))"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **spot, button="left", clickCount=1)

    def write(self, text: str) -> None:
        """Text into whatever has the focus, as a person would type or paste it."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, code: int, *, control: bool = False) -> None:
        """One key, perhaps with Control held."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                windowsVirtualKeyCode=code,
                modifiers=2 if control else 0,
            )

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _note(self, event: str, params: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            # What stands in the page itself, such as a font in the style, asks nobody.
            if not params["request"]["url"].startswith("data:"):
                self.requested.append(params["request"]["url"])
        elif event == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])
        elif event == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.complaints.append(str([each.get("value") for each in params["args"]]))
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))


@contextmanager
def browsing() -> Iterator[Page]:
    """A new browser and its one tab; all that it writes goes into a folder that goes with it."""
    browser = _find_browser()
    # Not in pytest's folders: the path of the browser's own socket would be too long there.
    folder = Path(mkdtemp(prefix="browser-"))
    process = subprocess.Popen(
        [browser, *_FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        tab = _tab(folder / "profile" / "DevToolsActivePort", process)
        with connect(tab, max_size=None, proxy=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
        with suppress(ProcessLookupError):  # its children would write on into the folder
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        _remove(folder)


def _remove(folder: Path) -> None:
    """Its child processes may write for a moment longer than the browser itself."""
    until = time.monotonic() + _PATIENCE
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=time.monotonic() < until)


def _find_browser() -> str:
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    missing = (
        "The tests of the pages open them in a browser: install Chromium "
        "(Debian, Ubuntu: apt-get install chromium)."
    )
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def _tab(port_file: Path, process: subprocess.Popen[bytes]) -> str:
    """The address of the tab's debugger, whose port the browser writes into ``port_file``."""
    until = time.monotonic() + _PATIENCE
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < until and process.poll() is None:
            lines = port_file.read_text().splitlines() if port_file.exists() else []
            if len(lines) == 2:
                targets = client.get(f"http://127.0.0.1:{lines[0]}/json/list").json()
                pages = [each for each in targets if each["type"] == "page"]
                if pages:
                    return str(pages[0]["webSocketDebuggerUrl"])
            time.sleep(0.05)
    raise RuntimeError(f"Chromium did not start (exit status {process.poll()}).")
