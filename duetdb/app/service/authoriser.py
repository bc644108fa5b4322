"""The one place that decides who may do what.

It narrows frozen values: what comes back is what may be executed. Today the
full-access key may do everything and nobody else may do anything.
"""

from __future__ import annotations

from typing import TypeVar

from duetdb.app.service.errors import Forbidden, Unauthenticated
from duetdb.app.service.principal import ANONYMOUS, Principal
from duetdb.app.service.query import Create, Delete, Query, Update, UpdateMany

W = TypeVar("W", Create, Update, UpdateMany, Delete)


class Authoriser:
    """Narrows every read and write before it reaches MongoDB."""

    def read(self, query: Query, principal: Principal) -> Query:
        """The query as this caller may run it; raises ``Unauthenticated`` or ``Forbidden``."""
        require_full(principal)
        return query

    def write(self, write: W, principal: Principal) -> W:
        """The write as this caller may run it; raises ``Unauthenticated`` or ``Forbidden``."""
        require_full(principal)
        return write


def require_full(principal: Principal) -> None:
    """Raises unless the caller holds the full-access key."""
    if principal.full:
        return
    if principal is ANONYMOUS:
        raise Unauthenticated(
            "No key was presented.", hint="Send the full-access key in the header x-apikey."
        )
    raise Forbidden(
        "This key may not do that.", hint="Use the full-access key, or ask for a key with rights."
    )
