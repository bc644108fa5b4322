"""Real server processes for the tests that are about processes."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import httpx
import psutil

ROOT = Path(__file__).parent.parent
KEY = "test-key-of-more-than-24-characters"
HEADERS = {"x-apikey": KEY}


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        return int(probing.getsockname()[1])


def run_cli(
    *arguments: str,
    stdin: str = "",
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """One command of ``duetdb`` from start to end; no setting comes from outside the test."""
    return subprocess.run(
        [sys.executable, "-m", "duetdb", *arguments],
        input=stdin,
        cwd=folder,
        env={**clean_environment(), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def run_on_terminal(*arguments: str) -> tuple[int, str]:
    """One command of ``duetdb`` on a terminal: its status and everything that was written there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "duetdb", *arguments],
        env={**clean_environment(), "TERM": "xterm", "COLUMNS": "100"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    with suppress(OSError):  # EIO: the other end is closed
        while some := os.read(ours, 65536):
            written += some
    os.close(ours)
    return process.wait(120), written.decode()


def peak_memory(*arguments: str) -> int:
    """Bytes that one command of ``duetdb`` holds at most, which must succeed; Linux only."""
    program = (
        "import re, sys\n"
        "from duetdb.app.cli.dispatch import run\n"
        "status = run(sys.argv[1:])\n"
        "text = open('/proc/self/status').read()\n"
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', text)[1], file=sys.stderr)\n"
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1]) * 1024


def clean_environment() -> dict[str, str]:
    """What a process inherits, settings aside; the package is found from any folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("DUETDB_")}
    path = os.pathsep.join(filter(None, (str(ROOT), clean.get("PYTHONPATH"))))
    return {**clean, "PYTHONPATH": path}


class ServerProcess:
    """``duetdb serve`` in a process of its own, which may be killed and started again.

    ``environment`` holds settings beside the test key, or in its place; ``folder`` is the
    working directory, where a ``.env`` file is looked for.
    """

    def __init__(
        self,
        *arguments: str,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._arguments = arguments
        self._environment = {"DUETDB_API_KEY": KEY, **(environment or {})}
        self._folder = folder
        self._said = self._logged = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def said(self) -> str:
        """What its last life printed on standard output, so far."""
        if self._process is not None:
            self._said = _content(self._output)
        return self._said

    @property
    def logged(self) -> str:
        """What its last life and its workers wrote to standard error, so far."""
        if self._process is not None:
            self._logged = _content(self._errors)
        return self._logged

    def start(self, timeout: float = 60) -> None:
        """Starts it and waits until it is ready."""
        self.launch()
        self.wait(timeout)

    def launch(self) -> None:
        """Starts it and returns at once."""
        command = [sys.executable, "-m", "duetdb", "serve", "--port", str(self.port)]
        # Files, for nobody reads a pipe before it is full; closed when the process has ended.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [*command, "--no-access-log", *self._arguments],
            cwd=self._folder,
            env={**clean_environment(), **self._environment},
            stdout=self._output,
            stderr=self._errors if "DUETDB_TEST_LOGS" not in os.environ else None,
        )

    def wait(self, timeout: float = 60) -> None:
        """Returns when it is ready."""
        wait_until_ready(self.url, timeout, self)

    def kill(self) -> None:
        """kill -9, as a machine that loses power would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._reap()

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to end; the answer is the exit status."""
        assert self._process is not None
        self._process.send_signal(sign)
        return self._reap()

    def kill_mongod(self) -> None:
        """kill -9 of the embedded mongod below it."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children(recursive=True)
        mongods = [each for each in children if each.name().startswith("mongod")]
        assert mongods, "no embedded mongod is running"
        for each in mongods:
            each.kill()

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _reap(self) -> int:
        assert self._process is not None
        status = self._process.wait(60)
        self._said, self._logged = self.said, self.logged
        self._output.close()
        self._errors.close()
        self._process = None
        return status


@contextmanager
def launched(*arguments: str, **options: Any) -> Iterator[ServerProcess]:
    """A server that may not be ready yet, stopped at the end if it still runs."""
    server = ServerProcess(*arguments, **options)
    server.launch()
    try:
        yield server
    finally:
        if server.running():
            server.stop()


@contextmanager
def serving(*arguments: str, **options: Any) -> Iterator[ServerProcess]:
    """A started server, stopped at the end if it still runs."""
    with launched(*arguments, **options) as server:
        server.wait()
        yield server


def wait_until_ready(url: str, timeout: float, server: ServerProcess | None = None) -> None:
    """Returns when ``/readyz`` answers 200."""
    until = time.monotonic() + timeout
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < until:
            if server is not None and not server.running():
                raise RuntimeError(f"The server stopped: {server.logged}")
            try:
                if client.get(f"{url}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    raise RuntimeError(f"{url} was not ready within {timeout} s.")


def _content(file: IO[bytes]) -> str:
    # Not by seek and read: the process writes at the same position.
    return os.pread(file.fileno(), 2**26, 0).decode()


def data_folder(tmp_path: Path) -> tuple[str, str]:
    """The flags for an embedded engine of the test's own."""
    return "--data", str(tmp_path / "data")
