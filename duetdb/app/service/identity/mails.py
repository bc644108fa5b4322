"""Mails with a token in them, which shows whoever sends it back to be the owner of the address."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any, Final
from urllib.parse import quote

import structlog

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.identity.options import IdentityOptions
from duetdb.app.service.identity.revocation import later
from duetdb.app.service.lately import primary
from duetdb.app.service.mail.outbox import Outbox

COLLECTION: Final = "_mail_tokens"

VERIFY: Final = "verify"
RESET: Final = "reset"

_log = structlog.get_logger(__name__)

_SUBJECTS: Final = {VERIFY: "Confirm your e-mail address", RESET: "Choose a new password"}
_TEXTS: Final = {
    VERIFY: "Somebody, hopefully you, registered with this address. To confirm it, use this",
    RESET: "Somebody, hopefully you, asked for a new password. To choose one, use this",
}
_KNOWN_SUBJECT: Final = "You have an account already"
_KNOWN_TEXT: Final = (
    "<p>Somebody, hopefully you, registered with this address, which has an account already. "
    "If you do not know your password any more, ask for a new one.</p>"
)


class Mails:
    """Makes tokens for one purpose, one address and one use, and stores the mails with them.

    A hash of each token is kept; the token itself is in its mail alone, which goes
    out by the queue of mails.
    """

    def __init__(self, engine: Engine, outbox: Outbox, options: IdentityOptions) -> None:
        self._engine = engine
        self._outbox = outbox
        self._options = options
        self._tokens = primary(engine, COLLECTION)

    async def start(self) -> None:
        if not self._engine.in_memory:
            await self._tokens.create_index("expires", name="expires", expireAfterSeconds=0)
            await self._tokens.create_index("email", name="email")

    async def send(self, purpose: str, email: str, kept: Mapping[str, Any] | None = None) -> None:
        """Stores a mail with a new token; ``kept`` comes back when the token does."""
        token = secrets.token_hex(32)
        with translate_driver_errors():
            await self._tokens.insert_one(
                {
                    "_id": _hash(token),
                    "purpose": purpose,
                    "email": email,
                    "kept": dict(kept or {}),
                    "expires": later(minutes=self._options.mail_minutes),
                }
            )
        await self._queue(email, _SUBJECTS[purpose], self._text(purpose, token))

    async def send_known(self, email: str) -> None:
        """Tells the owner of an account that somebody wanted to register with its address."""
        await self._queue(email, _KNOWN_SUBJECT, _KNOWN_TEXT)

    async def take(self, purpose: str, token: str) -> Mapping[str, Any] | None:
        """What a token stands for, once: its ``email`` and what was ``kept``; None if nothing."""
        with translate_driver_errors():
            found: Mapping[str, Any] | None = await self._tokens.find_one_and_delete(
                _query(purpose, token)
            )
        return found

    async def holds(self, purpose: str, token: str) -> bool:
        """Whether the token can be taken; it stays."""
        with translate_driver_errors():
            return await self._tokens.find_one(_query(purpose, token), {"_id": 1}) is not None

    async def forget(self, purpose: str, email: str) -> None:
        """All tokens of a purpose that were sent to this address are void."""
        with translate_driver_errors():
            await self._tokens.delete_many({"purpose": purpose, "email": email})

    async def _queue(self, email: str, subject: str, body: str) -> None:
        stored = await self._outbox.send_token(email, subject, body)
        _log.info("mail_stored", mail=str(stored), subject=subject)

    def _text(self, purpose: str, token: str) -> str:
        link = self._options.mail_link
        if link is None:
            way = f"<p>{_TEXTS[purpose]} token: <code>{token}</code></p>"
        else:
            url = link.replace("{purpose}", quote(purpose)).replace("{token}", token)
            way = f'<p>{_TEXTS[purpose]} link: <a href="{escape(url)}">{escape(url)}</a></p>'
        minutes = self._options.mail_minutes
        return f"{way}<p>It is good for {minutes} minutes, once. If it was not you, do nothing.</p>"


def _query(purpose: str, token: str) -> Mapping[str, Any]:
    return {"_id": _hash(token), "purpose": purpose, "expires": {"$gt": later(seconds=0)}}


def _hash(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
