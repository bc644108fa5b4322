"""Real server processes for the tests that are about processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

KEY = "test-key-of-more-than-24-characters"
HEADERS = {"x-apikey": KEY}


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        return int(probing.getsockname()[1])


class ServerProcess:
    """``duetdb serve`` in a process of its own, which may be killed and started again."""

    def __init__(self, *arguments: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = 60) -> None:
        """Starts it and waits until it is ready."""
        command = [sys.executable, "-m", "duetdb", "serve", "--port", str(self.port)]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("DUETDB_")}
        self._process = subprocess.Popen(
            [*command, "--no-access-log", *self._arguments],
            env={**clean, "DUETDB_API_KEY": KEY},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if "DUETDB_TEST_LOGS" not in os.environ else None,
        )
        wait_until_ready(self.url, timeout, self._process)

    def kill(self) -> None:
        """kill -9, as a machine that loses power would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> int:
        """SIGTERM; the answer is the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
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
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._process = None
        return status


@contextmanager
def serving(*arguments: str) -> Iterator[ServerProcess]:
    """A started server, stopped at the end if it still runs."""
    server = ServerProcess(*arguments)
    server.start()
    try:
        yield server
    finally:
        if server.running():
            server.stop()


def wait_until_ready(
    url: str, timeout: float, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Returns when ``/readyz`` answers 200."""
    until = time.monotonic() + timeout
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < until:
            if process is not None and process.poll() is not None:
                said = process.stderr.read().decode() if process.stderr else ""
                raise RuntimeError(f"The server stopped with {process.returncode}: {said}")
            try:
                if client.get(f"{url}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    raise RuntimeError(f"{url} was not ready within {timeout} s.")


def data_folder(tmp_path: Path) -> tuple[str, str]:
    """The flags for an embedded engine of the test's own."""
    return "--data", str(tmp_path / "data")
