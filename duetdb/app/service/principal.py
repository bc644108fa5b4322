"""Who is asking: every service method takes one of these, and none has a default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from duetdb.app.service.access.permissions import NOTHING, Permissions
from duetdb.app.service.errors import Forbidden, Unauthenticated

_NOBODY: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller whose credentials were verified.

    ``name`` is what ``_createdby`` and ``_changedby`` record: an e-mail address,
    or ``api`` for keys (SPEC 3.2). ``full`` is the full-access key's right to
    everything, schema administration and delete by query included; all others
    have their ``permissions``.

    ``id`` tells callers apart where one is counted or noted: ``key:<id>``,
    ``user:<id>``. ``user`` is what ``$user.x`` means in a rule: the user's
    record, or without one the claims of the token. ``rate`` is how many requests
    a second a key may make, None for as many as any, and ``origins`` are those
    of the pages that may act as the caller (``service.origins``).
    """

    name: str
    full: bool = False
    permissions: Permissions = field(default=NOTHING, repr=False, compare=False)
    id: str = ""
    user: Mapping[str, Any] = field(default_factory=lambda: _NOBODY, repr=False, compare=False)
    rate: float | None = None
    origins: tuple[str, ...] = ()


FULL_ACCESS: Final = Principal(name="api", full=True, id="key:full", origins=("loopback",))
"""The holder of the full-access key, and the operator's own command line."""

ANONYMOUS: Final = Principal(name="anonymous")
"""A caller who presented nothing."""


def require_full(principal: Principal) -> None:
    """Raises unless the caller holds the full-access key."""
    if not principal.full:
        raise refusal(principal)


def refusal(principal: Principal) -> Unauthenticated | Forbidden:
    """Why this caller may not, in the same words whatever there is to be refused (SPEC 2.5)."""
    if principal is ANONYMOUS:
        return Unauthenticated(
            "No key was presented.",
            hint="Send your key in the header x-apikey, or a token as authorization: Bearer.",
        )
    return Forbidden(
        "This caller may not do that.",
        hint="Ask for a key or a role that may, or use the full-access key.",
    )
