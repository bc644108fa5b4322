"""The fields that the server owns, set on every write (SPEC 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from duetdb.app.service.principal import Principal
from duetdb.app.service.query import Document

PARENT_FIELDS: tuple[str, str, str] = ("_parent_id", "_parent_def", "_parent_field")
"""The only keys beginning with ``_`` that a body may hold (SPEC 4.1)."""

_VERSIONS: Final = 10**18
"""Versions are below this, and so fit into 64 bits, and are written without an exponent."""

STAMPED: frozenset[str] = frozenset({"_changed", "_changedby", "_version"})
"""What every change of a document sets."""


def stamp_created(document: Document, principal: Principal, instant: datetime) -> None:
    """Sets the audit fields and the version of a new document."""
    document["_created"] = instant
    document["_changed"] = instant
    document["_createdby"] = principal.name
    document["_changedby"] = principal.name
    document["_version"] = 1


def stamp_changed(document: Document, principal: Principal, instant: datetime) -> None:
    """Sets the audit fields of a change; the version belongs to the optimistic update."""
    document["_changed"] = instant
    document["_changedby"] = principal.name


def version_of(document: Document) -> int:
    """The version of a stored document.

    What was written beside us may be no number to count on from: that is 0.
    """
    version = document.get("_version")
    if isinstance(version, float) and version.is_integer():
        version = int(version)
    if not isinstance(version, int) or isinstance(version, bool):
        return 0
    return version if 0 <= version < _VERSIONS else 0


COUNTED: Mapping[str, Any] = {"$type": ["int", "long"], "$gte": 0, "$lt": _VERSIONS}
"""The condition on ``_version`` that holds where MongoDB counts on from it as we do."""


def unchanged(document: Document) -> dict[str, Any]:
    """The condition that a document is still at the version at which it was read."""
    if "_version" not in document:
        return {"_version": {"$exists": False}}
    return {"_version": {"$eq": document["_version"]}}


def at_version(version: int) -> Any:
    """The condition on ``_version`` that holds for documents of that version."""
    return version if version else {"$in": [0, None]}
