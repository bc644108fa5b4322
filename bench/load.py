"""One burst of load on one server, by ``wrk``."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.cases import Case
from bench.servers import KEY, Server

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True, slots=True)
class Burst:
    """What one burst showed: rate, latencies in ms, CPU per request in ms."""

    rate: float
    p50: float
    p99: float
    cpu: float


def burst(case: Case, server: Server, path: str, seconds: int, key: str = KEY) -> Burst:
    """Runs ``wrk`` for so many seconds; any answer that is not 2xx ends the bench."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("The bench needs wrk: install the package wrk (apt-get install wrk).")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "request.lua"
        script.write_text(_script(case, key), encoding="utf-8")
        before = server.cpu_seconds()
        command = [wrk, "-t1", f"-c{case.connections}", f"-d{seconds}s", "--latency"]
        out = subprocess.run(
            [*command, "-s", str(script), server.url + path],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        cpu = server.cpu_seconds() - before
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"{case.name} at {server.url}{path}:\n{out}")
    requests = int(_found(r"(\d+) requests in", out))
    return Burst(
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", out)),
        p50=_ms(_found(r"^\s+50%\s+(\S+)", out)),
        p99=_ms(_found(r"^\s+99%\s+(\S+)", out)),
        cpu=cpu * 1000 / max(requests, 1),
    )


def _script(case: Case, key: str) -> str:
    lines = [f'wrk.method = "{case.method}"', f'wrk.headers["x-apikey"] = "{key}"']
    if case.body is not None:
        lines.append('wrk.headers["content-type"] = "application/json"')
        lines.append(f"wrk.body = [==[{case.body}]==]")
    return "\n".join(lines)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise SystemExit(f"wrk's answer has no {pattern}:\n{text}")
    return match[1]


def _ms(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", text).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS[unit]
