"""The embedded mongod's log file: kept small, and read for the reason of a failure."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import IO

from duetdb.app.service.errors import Unavailable

LOG = "mongod.log"
_LARGEST = 8 * 1024 * 1024
_TAIL = 64 * 1024

_KNOWN_REASONS = (
    (
        re.compile(r"error while loading shared libraries: (\S+):"),
        "it needs the system library {0} (Debian, Ubuntu: apt-get install libcurl4 libssl3)",
    ),
    (re.compile(r"No space left on device"), "the disk is full"),
    (
        re.compile(r"UPGRADE PROBLEM|Wrong mongod version|unsupported WiredTiger file version"),
        "its data folder was written by another version of MongoDB; use that version, "
        "or another folder with --data",
    ),
    (
        re.compile(r"ended with status -4\b"),
        "this processor lacks instructions (AVX) that MongoDB needs; use --mongodb-uri",
    ),
)


class MongodLog:
    """The log in one data folder: a current file and, at most, one older."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOG

    @property
    def where(self) -> str:
        """A sentence that points people to the file."""
        return f"Its log is {self._path}."

    def fresh(self) -> IO[bytes]:
        """A new file for a new process; the previous one is kept for one more life."""
        self._set_aside()
        return os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")

    def rotate(self, process: subprocess.Popen[bytes]) -> None:
        """Have the running process begin a new file when the current one has grown large."""
        if self._path.stat().st_size > _LARGEST:
            self._set_aside()
            process.send_signal(signal.SIGUSR1)

    def failure(self, symptom: str) -> Unavailable:
        """The error for a process that ended or does not answer, with the best reason known."""
        text = f"{symptom}\n{self._tail()}"
        for pattern, reason in _KNOWN_REASONS:
            found = pattern.search(text)
            if found:
                symptom = reason.format(*found.groups())
                break
        else:
            symptom = _last_fatal(text) or symptom
        return Unavailable(f"The embedded database does not start: {symptom}. {self.where}")

    def _set_aside(self) -> None:
        if self._path.exists():
            self._path.replace(self._path.with_suffix(".log.old"))

    def _tail(self) -> str:
        try:
            with self._path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""


def _last_fatal(text: str) -> str | None:
    """The last thing that mongod called an error, or the last line that is not its JSON."""
    for line in reversed(text.splitlines()):
        try:
            entry = json.loads(line)
        except ValueError:
            if line.strip():
                return line.strip().rstrip(".")
            continue
        if isinstance(entry, dict) and entry.get("s") in {"F", "E"}:
            reason = entry.get("attr", {}).get("error") or entry.get("msg", "")
            return str(reason).rstrip(".") or None
    return None
