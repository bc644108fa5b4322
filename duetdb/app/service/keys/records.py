"""Web keys as documents of ``_keys``: read strictly, for what they say decides on rights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from duetdb.app.service.keys.web_key import METHODS, WebKey

COLLECTION: Final = "_keys"
FULL: Final = "full"
"""The ``_id`` of the full-access key."""

_LISTS: Final = ("origins", "methods", "paths", "realtime", "readable", "writable")
RIGHTS: Final = ("description", *_LISTS, "filter", "expires", "rate")
"""The properties of a record that a body sets; its others are the server's own."""


def web_key_of(record: Mapping[str, Any]) -> WebKey | None:
    """The key of a record; None if it holds what we never store, which then gives no rights."""
    rights = {name: record[name] for name in RIGHTS if name in record}
    lists = {name: rights[name] for name in _LISTS if name in rights}
    expires, rate = rights.get("expires"), rights.get("rate")
    try:
        wanted = _filter(rights.get("filter"))
    except ValueError:
        return None
    if (
        not all(map(_is_texts, lists.values()))
        or not isinstance(expires, datetime | None)
        or not isinstance(rate, int | float | None)
    ):
        return None
    texts: dict[str, Any] = {name: tuple(each) for name, each in lists.items()}
    return WebKey(
        id=str(record["_id"]),
        description=str(rights.get("description", "")),
        methods=frozenset(texts.pop("methods", METHODS)),
        filter=wanted,
        expires=expires,
        rate=rate,
        revision=hashlib.sha256(repr(sorted(rights.items())).encode()).hexdigest()[:16],
        **texts,
    )


def principal_id(id_: str) -> str:
    """What the holder of a key is called where callers are told apart (``Principal.id``)."""
    return f"key:{id_}"


def shown(record: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of a key: never its hash."""
    names = ("_id", "prefix", *RIGHTS, "created", "changed")
    told = {name: record.get(name) for name in names}
    with suppress(ValueError):  # of a record that was written beside us, what it says
        told["filter"] = _filter(told["filter"])
    return told


def _filter(text: Any) -> dict[str, Any] | None:
    """The filter of its stored form, which is JSON: in a document, ``$gt`` would be no name.

    Raises ``ValueError``.
    """
    found = None if text is None else json.loads(text) if isinstance(text, str) else ""
    if not isinstance(found, dict | None):
        raise ValueError("The filter is no object.")
    return found or None


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
