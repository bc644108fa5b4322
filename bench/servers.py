"""Starts the servers that are measured and reads what they cost; all on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

KEY = "bench-key-of-more-than-24-characters"
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Server:
    """One running server process."""

    port: int
    process: psutil.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """User and system time that the process has used so far."""
        times = self.process.cpu_times()
        return times.user + times.system

    def memory_peak(self) -> int:
        """The largest resident size so far, in bytes (Linux)."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return self.process.memory_info().rss


@contextmanager
def duetdb(
    uri: str, database: str, port: int, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """DuetDB, one worker, over an existing database; ``settings`` are variables beside its own."""
    command = [sys.executable, "-m", "duetdb", "serve", "--port", str(port)]
    command += ["--mongodb-uri", uri, "--database", database, "--no-access-log"]
    environment = {"DUETDB_API_KEY": KEY, "DUETDB_RATE_KEY": "0"}  # a bench asks without a pause
    environment |= settings or {}
    with _running(command, environment, port, "/healthz") as server:
        yield server


@contextmanager
def handwritten(uri: str, database: str, port: int) -> Iterator[Server]:
    """The yardstick, on the same HTTP server with the same options."""
    command = [sys.executable, "-m", "uvicorn", "bench.handwritten:app", "--port", str(port)]
    command += ["--no-access-log", "--no-server-header", "--log-level", "warning"]
    command += ["--loop", "uvloop", "--http", "httptools"]
    environment = {"BENCH_URI": uri, "BENCH_DATABASE": database}
    with _running(command, environment, port, "/") as server:
        yield server


@contextmanager
def _running(
    command: list[str], environment: dict[str, str], port: int, probe: str
) -> Iterator[Server]:
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})
    try:
        _wait(process, f"http://127.0.0.1:{port}{probe}")
        yield Server(port, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} stopped with {process.returncode}.")
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{url} did not answer within 30 s.")
