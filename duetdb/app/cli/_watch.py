"""What a person sees of long work: how far it is, and bad rows with their line and reason."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from duetdb.app.transfer.options import BadRow

SHOWN: Final = 20
"""Bad rows that are printed; a report file holds all of them."""


def counted(number: int, noun: str) -> str:
    """``1 document``, ``1,200 documents``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def terminal_bar(amount: ProgressColumn, console: Console | None = None) -> Progress:
    """A progress bar on standard error that counts in ``amount``; nothing without a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        amount,
        TimeRemainingColumn(),
        console=console or Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


class ConsoleWatcher:
    """Prints to standard error: a bar if that is a terminal, and always the first bad rows.

    ``report`` is a file that every bad row is appended to as a line of JSON, at
    once, so that an import that is cut off and finished later loses none.
    """

    def __init__(self, report: Path | None = None) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._report_path = report
        self._report: TextIO | None = None
        self._task: TaskID | None = None
        self._rows: set[int] = set()
        self._bar = terminal_bar(DownloadColumn(), self._console)

    def __enter__(self) -> Self:
        if self._report_path is not None:
            self._report = self._report_path.open("a", encoding="utf-8")
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._bar.stop()
        if self._report is not None:
            self._report.close()
        if kind is None and len(self._rows) > SHOWN:
            self.say(f"... and {len(self._rows) - SHOWN:,} more bad rows.{self._hint()}")

    def phase(self, name: str, size: int) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(name, total=size)

    def progress(self, position: int) -> None:
        if self._task is not None:
            self._bar.update(self._task, completed=position)

    def bad(self, row: BadRow) -> None:
        self._rows.add(row.row)
        if self._report is not None:
            entry = {
                "line": row.line,
                "row": row.row,
                "field": row.field,
                "code": row.code,
                "message": row.message,
            }
            self._report.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self._report.flush()
        if len(self._rows) <= SHOWN:
            where = f"{row.field}: " if row.field else ""
            self.say(f"line {row.line}: {where}{row.message} ({row.code})")

    def say(self, sentence: str) -> None:
        self._console.print(sentence)

    def _hint(self) -> str:
        return "" if self._report_path is not None else " --report FILE lists them all."
