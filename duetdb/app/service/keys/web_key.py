"""A web key as it is stored: what a front end that carries it may do, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""What a web key can be allowed to do; a key that names no list may do all of it."""

ANYWHERE: Final = "*"
"""The origin that stands for pages of every site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebKey:
    """The rights of one web key (SPEC 2.3); the key itself is stored nowhere.

    ``origins`` are those of the pages that may use it, ``*`` for all, empty for
    none: such a key is for programs. ``paths`` are globs below ``/rest``, or
    whole paths of the other interfaces. ``realtime`` holds ``METHOD:collection``.
    ``filter`` is a ``q`` object that every document must match, None for all
    documents. ``readable`` and ``writable`` name fields, empty for no list.
    ``expires`` is UTC without a zone, as the database gives it; ``rate`` is
    requests per second, None for the server's own. ``revision`` is another one
    after each change.
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
    revision: int = 1

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of this origin, as browsers write it, may use the key."""
        return ANYWHERE in self.origins or origin.lower() in self.origins
