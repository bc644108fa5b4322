"""Addresses that want no more mail, and the links by which their owners say so."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from contextlib import suppress
from typing import Final
from urllib.parse import urlencode

from pymongo.errors import DuplicateKeyError

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Forbidden
from duetdb.app.service.lately import primary
from duetdb.app.service.mail.addresses import folded, readable_address
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.query import Create
from duetdb.app.service.service import Service

COLLECTION: Final = "email_unsubscribed"
PATH: Final = "/mail/unsubscribe"
_NAME: Final = "mail"
_FOLDED: Final = {"locale": "en", "strength": 2}
"""The collation that compares without case."""


class Unsubscribes:
    """A link holds an address and its signature, so nobody unsubscribes anybody else."""

    def __init__(self, engine: Engine, service: Service, public_url: str | None) -> None:
        self._engine = engine
        self._service = service
        self._site = public_url.rstrip("/") if public_url else None
        self._stored = primary(engine, COLLECTION)
        self._secret = b""

    async def start(self) -> None:
        """Reads the secret of the signatures, or makes it; safe in many processes at once."""
        kept = primary(self._engine, "_secrets")
        with translate_driver_errors():
            with suppress(DuplicateKeyError):
                await kept.insert_one({"_id": _NAME, "value": secrets.token_hex(32)})
            self._secret = bytes.fromhex((await kept.find_one({"_id": _NAME}))["value"])
            if not self._engine.in_memory:
                await self._stored.create_index("to", name="mail_to", collation=_FOLDED)

    def link(self, address: str) -> str:
        """Where its owner unsubscribes; empty without ``public_url``."""
        if self._site is None:
            return ""
        query = urlencode({"to": address, "token": self._signature(address)})
        return f"{self._site}{PATH}?{query}"

    async def among(self, addresses: Iterable[str]) -> set[str]:
        """Those of these plain addresses that want no mail, in lower case.

        Somebody may have put them into the collection in another case, and with the
        letters of an international domain.
        """
        asked = {*addresses}
        asked |= {readable_address(each) for each in asked if "xn--" in each.lower()}
        with translate_driver_errors():
            if self._engine.in_memory:
                asked |= {each.lower() for each in asked}
                cursor = self._stored.find({"to": {"$in": [*asked]}}, {"to": 1})
            else:
                cursor = self._stored.find({"to": {"$in": [*asked]}}, {"to": 1}).collation(_FOLDED)
            return {folded(str(each["to"])) async for each in cursor}

    def check(self, address: str, token: str) -> None:
        """Raises ``Forbidden`` unless the token is that of the address."""
        given = token.encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(self._signature(address).encode(), given):
            raise Forbidden("This link is not complete.", hint="Use it as it stands in the mail.")

    async def add(self, address: str) -> None:
        """No more mail goes to the address."""
        if not await self.among([address]):
            collection = self._service.catalog.collection(COLLECTION)
            document = {"to": address.lower()}
            # What its metadata demands of a document keeps nobody from unsubscribing.
            create = Create(collection=collection, documents=(document,), validate=False)
            await self._service.create(create, FULL_ACCESS)

    def _signature(self, address: str) -> str:
        text = address.lower().encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, text, "sha256").hex()
