"""Logging keeps out of the way while something is drawn on the terminal."""

from __future__ import annotations

import subprocess
import sys

from tests.processes import clean_environment

PROGRAM = """
import asyncio, structlog
from duetdb.app.log import configure_logging, hushed

configure_logging("info")
log = structlog.get_logger("test")

async def later():
    log.info("task in the block")
    log.error("task that fails")

async def main():
    log.info("before")
    with hushed():
        log.info("in the block")
        log.warning("in the block")
        log.error("failure in the block")
        task = asyncio.create_task(later())
    await task
    log.info("after")

asyncio.run(main())
"""


def test_hushed_lines_below_errors_are_dropped() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    events = [line.split('"event":"')[1].split('"')[0] for line in done.stderr.splitlines()]
    assert events == ["before", "failure in the block", "task that fails", "after"]


TOLD = """
import logging
from duetdb.app.log import Told, configure_logging

configure_logging("info")
for error in (Told("a"), ValueError("b")):
    logging.getLogger("server").error("An error was caught.", exc_info=error)
"""


def test_what_the_log_has_is_not_told_again_by_the_server() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TOLD],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    [line] = done.stderr.splitlines()
    assert '"event":"An error was caught."' in line and "ValueError: b" in line
