"""A web key as it is stored: what a front end that carries it may do, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""What a web key can be allowed to do; a key that names no list may do all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebKey:
    """The rights of one web key (SPEC 2.3); the key itself is stored nowhere.

    ``origins`` are those of the pages that may use it (``service.origins``); a
    key without any is for programs alone. ``paths`` are globs below ``/rest``, or
    whole paths of the other interfaces. ``realtime`` holds ``METHOD:collection``.
    ``filter`` is a ``q`` object that every document must match, None for all
    documents. ``readable`` and ``writable`` name fields, empty for no list.
    ``expires`` is UTC without a zone, as the database gives it; ``rate`` is
    requests per second, None for the server's own. ``revision`` is another
    one for other rights.
    """

    id: str
    description: str = ""
    origins: tuple[str, ...] = ()
    methods: frozenset[str] = frozenset(METHODS)
    paths: tuple[str, ...] = ()
    realtime: tuple[str, ...] = ()
    filter: Mapping[str, Any] | None = field(default=None, hash=False)
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    expires: datetime | None = None
    rate: float | None = None
    revision: str = ""
