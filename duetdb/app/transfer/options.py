"""What an import is asked to do, and what it reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from duetdb.app.transfer.files import Format


@dataclass(frozen=True, slots=True)
class BadRow:
    """Why a row was not stored: one value of it, or all of it (``field`` empty)."""

    row: int
    line: int
    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    form: Format | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    partial: bool = False
    validate: bool = True
    infer: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """``stored`` and ``bad`` rows of this run; ``skipped`` were dealt with by an earlier one."""

    stored: int
    bad: int
    skipped: int = 0


class Watcher(Protocol):
    """Who is told what happens."""

    def phase(self, name: str, size: int) -> None: ...

    def progress(self, position: int) -> None: ...

    def bad(self, row: BadRow) -> None: ...

    def say(self, sentence: str) -> None: ...
