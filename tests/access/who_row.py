"""What a row of the table of who may do what is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.access.who_server import POST, Answered, Json

Sign = Callable[[Answered], bool]
"""Whether a successful answer has what was asked for."""

READERS = frozenset("full reading globbed filtered reader writer admin".split())
WRITERS = frozenset("full globbed filtered writer admin".split())
INSERTERS = WRITERS | {"form"}
KNOWING = READERS - {"filtered", "reader"}
"""Who may read the secret."""
FOLLOWING = frozenset("full reading reader writer admin".split())
"""Who may read people, and so what leads to them."""
USERS = frozenset("full plain reader writer admin".split())
ADMINS = frozenset(("full", "admin"))
FULL = frozenset(("full",))


@dataclass(frozen=True)
class Row:
    """``allowed`` are the callers for whom both interfaces do what is asked.

    With a ``sign`` a request may succeed and answer nothing of what was asked
    for: what is hidden from a caller is to that caller as if it were not there.
    """

    name: str
    allowed: frozenset[str]
    rest: tuple[str, str, Json] | None = None
    graphql: tuple[str, Json] | None = None
    sign: Sign | None = None
    changes: bool = False
    graphql_path: str = "/graphql"

    def __str__(self) -> str:
        return self.name


def rest(method: str, path: str, **more: Any) -> tuple[str, str, Json]:
    return method, f"/rest/{path}", more


def shows(*texts: str) -> Sign:
    return lambda answered: all(each in answered.text for each in texts)


def in_order(*texts: str) -> Sign:
    """The texts come one after another."""

    def sign(answered: Answered) -> bool:
        places = [answered.text.find(each) for each in texts]
        return -1 not in places and places == sorted(places)

    return sign


BY_ID: Json = {"id": POST}
