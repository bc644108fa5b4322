"""How the database answers the reads of one request, noted only while somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from duetdb.app.service.reading.plan import Plan

Explained: TypeAlias = dict[str, Any]
"""One read: ``collection``, ``operation`` (find, count or aggregate), ``plan`` (its stages, the
last one first, as in ``FETCH <- IXSCAN``), ``index`` (names joined by commas, or None),
``documentsExamined``, ``keysExamined``, ``returned`` and ``milliseconds``."""

_notes: ContextVar[list[Explained] | None] = ContextVar("duetdb_explained", default=None)


@contextmanager
def explaining() -> Iterator[list[Explained]]:
    """Every read made inside, also by tasks begun inside, is explained into the list."""
    notes: list[Explained] = []
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def is_explaining() -> bool:
    return _notes.get() is not None


async def note(
    database: Any, name: str, operation: str, command: Mapping[str, Any], milliseconds: int
) -> None:
    """Runs ``command`` for its statistics alone and notes them; costs as much as the read.

    ``milliseconds`` bound it. Errors are those of the command itself.
    """
    notes = _notes.get()
    if notes is None:
        return
    reply = await database.command(
        "explain",
        command,
        verbosity="executionStats",
        maxTimeMS=milliseconds,
        codec_options=database.codec_options,
    )
    plan = Plan(reply)
    notes.append(
        {
            "collection": name,
            "operation": operation,
            "plan": plan.text,
            "index": ", ".join(plan.indexes) or None,
            "documentsExamined": plan.total("totalDocsExamined"),
            "keysExamined": plan.total("totalKeysExamined"),
            "returned": plan.returned,
            "milliseconds": plan.total("executionTimeMillis"),
        }
    )
