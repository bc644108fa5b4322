"""What is worth noting of the request that is being answered: refusals, and what was administered.

The request is found by its context, so that whoever refuses or changes something
need not be handed it through everything in between. Nobody need begin one: then
nothing is noted.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from duetdb.app.service.errors import DuetError

if TYPE_CHECKING:
    from duetdb.app.service.audit.audit import Audit

_PARTS: Final = 3
"""Of a path: what is before its first slash, the interface, and the collection."""
_REFUSALS: Final = frozenset(("UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED"))


@dataclass(slots=True)
class Asked:
    """Who asks for what; ``path`` is that of the request, of which no more than a part is noted."""

    audit: Audit
    request: str = ""
    method: str = ""
    path: str = ""
    address: str = ""
    principal: str = ""

    @property
    def action(self) -> str:
        """The method and the beginning of the path, without ids and whatever else is in it."""
        return f"{self.method} {'/'.join(self.path.split('/', _PARTS)[:_PARTS])}"


_asked: ContextVar[Asked | None] = ContextVar("duetdb_audited_request", default=None)


def begin(asked: Asked) -> None:
    """What is noted in this context from now on belongs to this request."""
    _asked.set(asked)


def identified(principal: str) -> None:
    """The caller is known by now; ``principal`` is its id."""
    asked = _asked.get()
    if asked is not None:
        asked.principal = principal


def refused(error: DuetError) -> None:
    """Notes that the request ends in this error, or a part of it, if that is a refusal."""
    asked = _asked.get()
    if asked is not None and error.code in _REFUSALS:
        asked.audit.refused(asked, f"{type(error).__name__}: {error.message}")


def acted(action: str, target: str) -> None:
    """Notes that something was administered: ``keys.revoke`` and which; never values."""
    asked = _asked.get()
    if asked is not None:
        asked.audit.acted(asked, action, target)
