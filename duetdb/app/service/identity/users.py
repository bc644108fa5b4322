"""The users' records, by their e-mail addresses (SPEC 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Forbidden
from duetdb.app.service.lately import Lately, primary
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.query import Document

LONGEST_EMAIL: Final = 254
_MOST_ROLES: Final = 100


class Users:
    """Finds records by exactly the text that is stored, so no operator can be smuggled in."""

    def __init__(self, engine: Engine, collection: str) -> None:
        self.collection = collection
        self._users = primary(engine, collection)
        self._lately: Lately[str, Document | None] = Lately(self.find_now)

    async def find(self, email: str) -> Document | None:
        """The record as it was at most half a second ago; errors as ``find_now``."""
        return await self._lately.get(email)

    async def find_now(self, email: str) -> Document | None:
        """The record of that address, None without one.

        Raises ``Forbidden`` if two records have it: nobody could say which one is meant.
        """
        with translate_driver_errors():
            found: list[Document] = (
                await self._users.find({"email": {"$eq": str(email)}}).limit(2).to_list(None)
            )
        if len(found) > 1:
            raise not_accepted()
        return found[0] if found else None

    def forget(self, email: str) -> None:
        """This worker has changed the record."""
        self._lately.forget(email)


def is_email(value: Any) -> bool:
    """Whether a claim can be an address to look for: a text, not an object, of sane length.

    It is not the name that keys have: what they created would be that user's own.
    """
    if not isinstance(value, str) or value == FULL_ACCESS.name:
        return False
    return 0 < len(value) <= LONGEST_EMAIL and value.isprintable()


def is_active(record: Mapping[str, Any]) -> bool:
    """Whether the record lets its user in; anything but true or nothing does not."""
    active = record.get("active")
    return active is None or active is True


def roles_in(value: Any) -> tuple[str, ...]:
    """The roles that a record or a claim holds; what is no list of texts holds none."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        return ()
    return tuple(dict.fromkeys(each for each in value[:_MOST_ROLES] if isinstance(each, str)))


def without_secrets(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """What rules may read of a user: a stray password is no part of it."""
    return MappingProxyType(
        {name: value for name, value in record.items() if "password" not in name.lower()}
    )


def not_accepted() -> Forbidden:
    """The one answer to a token that is genuine and whose user is not let in."""
    return Forbidden(
        "The user of this token is not accepted here.",
        hint="Ask whoever runs this server for an account.",
    )
