"""Users with a password: logging in, registering, and proving to own an e-mail address."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from math import ceil
from typing import Any, Final

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import (
    Forbidden,
    Invalid,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    ValidationFailed,
)
from duetdb.app.service.identity import mails, passwords
from duetdb.app.service.identity.attempts import (
    ACCOUNT,
    ADDRESS,
    MAILS,
    MAILS_FROM,
    Allowance,
    Attempts,
)
from duetdb.app.service.identity.credentials import Credentials
from duetdb.app.service.identity.mails import Mails
from duetdb.app.service.identity.options import IdentityOptions
from duetdb.app.service.identity.passwords import Passwords
from duetdb.app.service.identity.sessions import Pair, Session, Sessions
from duetdb.app.service.identity.tokens import Tokens, User
from duetdb.app.service.identity.users import is_active
from duetdb.app.service.mail.outbox import Outbox
from duetdb.app.service.principal import Principal
from duetdb.app.service.query import Create, Document, Update
from duetdb.app.service.service import Service

_ANSWER_SECONDS: Final = 0.15
"""What anybody may ask for is answered after so long, whatever there was to do."""


class Accounts:
    """What users with a password can do; all of it is refused if there are no passwords.

    Nobody learns from an answer, or from the time that it takes, whether an
    address has an account.
    """

    def __init__(
        self,
        engine: Engine,
        service: Service,
        options: IdentityOptions,
        tokens: Tokens,
        sessions: Sessions,
        outbox: Outbox,
    ) -> None:
        self._service = service
        self._options = options
        self._tokens = tokens
        self._users = tokens.users
        self._sessions = sessions
        self._passwords = Passwords()
        self._credentials = Credentials(engine)
        self._attempts = Attempts(engine)
        self._mails = Mails(engine, outbox, options)

    async def start(self) -> None:
        if self._options.passwords:
            await self._attempts.start()
            await self._mails.start()
            await self._passwords.start()

    def stop(self) -> None:
        self._passwords.stop()

    async def log_in(self, email: str, password: str, address: str) -> Pair:
        """A new session; ``address`` is where the caller is in the network, if it counts.

        Raises ``Unauthenticated`` in the same words whatever is wrong, and
        ``TooManyRequests`` after too many of those.
        """
        await self._may_try(ADDRESS, address)
        await self._may_try(ACCOUNT, email.casefold())
        record = await self._found(email)
        stored = await self._credentials.find(record and record["_id"], email)
        matches = await self._passwords.verify(password, stored)
        if record is None or stored is None or not matches or not _may_log_in(record):
            raise Unauthenticated(
                "The e-mail address or the password is wrong.",
                hint="Try again, or ask for a new password at /auth/reset.",
            )
        await self._attempts.forget(ACCOUNT, email.casefold())
        if address:
            await self._attempts.give_back(ADDRESS, address)
        if self._passwords.is_old(stored):
            hashed = await self._passwords.hash(password)
            await self._credentials.replace(record["_id"], stored, hashed)
            stored = hashed
        return await self._begin(email, record, stored)

    async def register(
        self, email: str, password: str, profile: Mapping[str, Any], address: str
    ) -> None:
        """Sends a mail; there is an account when the token in it has come back.

        ``profile`` are properties of the record to be. Raises ``ValidationFailed``
        and ``TooManyRequests``.
        """
        self._check_new(password, email)
        await self._may_try(MAILS_FROM, address)
        hashed = await self._passwords.hash(password)
        await _patiently(self._invite(email, hashed, profile))

    async def verify(self, token: str) -> None:
        """Makes the account that was registered; raises ``Unauthenticated``."""
        found = await self._mails.take(mails.VERIFY, token)
        if found is None:
            raise _void()
        email, kept = found["email"], found["kept"]
        if await self._is_taken(email):
            raise _void()
        record = await self._create(email, kept["profile"])
        await self._credentials.store(record["_id"], email, kept["hash"])

    async def ask_reset(self, email: str, address: str) -> None:
        """Sends a mail with which a new password can be chosen, if there is an account."""
        await self._may_try(MAILS_FROM, address)
        await _patiently(self._offer_reset(email))

    async def reset(self, token: str, password: str) -> None:
        """Sets a new password and ends all sessions; raises as ``verify`` and ``register``."""
        self._check_new(password)
        if not await self._mails.holds(mails.RESET, token):
            raise _void()  # before anything slow: anybody may send any token, and as many
        hashed = await self._passwords.hash(password)
        found = await self._mails.take(mails.RESET, token)
        record = await self._found(found["email"]) if found is not None else None
        if found is None or record is None or not is_active(record):
            raise _void()
        email = found["email"]
        await self._credentials.store(record["_id"], email, hashed)
        await self._sessions.end_all(f"user:{record['_id']}")
        await self._mails.forget(mails.RESET, email)
        await self._attempts.forget(ACCOUNT, email.casefold())
        await self._confirm(email, record)

    async def change(self, user: User, current: str, new: str) -> Pair:
        """Sets a new password, ends all sessions, and begins one.

        Raises ``Forbidden`` if the current password is another one.
        """
        self._check_new(new, user.email)
        await self._may_try(ACCOUNT, user.email.casefold())
        record = None if user.record is None else await self._found(user.email)
        stored = await self._credentials.find(record and record["_id"], user.email)
        if not await self._passwords.verify(current, stored) or record is None or stored is None:
            raise Forbidden("The current password is wrong.", hint="Reset it at /auth/reset.")
        hashed = await self._passwords.hash(new)
        if not await self._credentials.replace(record["_id"], stored, hashed):
            raise Forbidden("The password was changed just now.", hint="Log in again.")
        await self._attempts.forget(ACCOUNT, user.email.casefold())
        await self._sessions.end_all(user.principal.id)
        await self._mails.forget(mails.RESET, user.email)
        return await self._begin(user.email, record, hashed)

    async def renewed(self, session: Session) -> str:
        """The next token of a session, as long as its user may still log in."""
        email = session.grant["email"]
        record = await self._found(email)
        same = record is not None and f"user:{record['_id']}" == session.owner
        if record is None or not same or not _may_log_in(record):
            raise Forbidden("The user is not accepted here any more.", hint="Log in again.")
        return self._sign(email, record)

    async def _begin(self, email: str, record: Document, hashed: str) -> Pair:
        """A session of who has proved to know the password with this hash."""

        async def confirm() -> None:
            if await self._credentials.find(record["_id"], email) != hashed:
                raise Unauthenticated("The password was changed just now.", hint="Log in again.")

        owner, grant = f"user:{record['_id']}", {"email": email}
        return await self._sessions.begin(owner, grant, self._sign(email, record), confirm)

    def _sign(self, email: str, record: Document) -> str:
        signer = self._tokens.signer
        if signer is None:
            raise NotFound("There is nothing at this address.")
        claims = {"sub": str(record["_id"]), self._options.jwt_email_claim: email}
        return signer.sign(claims, self._options.session_minutes * 60)

    async def _found(self, email: str) -> Document | None:
        """The record of an address; an address that several records have is nobody's."""
        try:
            return await self._users.find_now(email)
        except Forbidden:
            return None

    async def _invite(self, email: str, hashed: str, profile: Mapping[str, Any]) -> None:
        if await self._attempts.count(MAILS, email.casefold()) > 0:
            return
        if await self._is_taken(email):
            await self._mails.send_known(email)
        else:
            await self._mails.send(mails.VERIFY, email, {"hash": hashed, "profile": dict(profile)})

    async def _is_taken(self, email: str) -> bool:
        """Whether there is a record of the address.

        Nobody gives it a password by registering, for the owner might confirm what
        a stranger chose; a reset lets the owner choose.
        """
        try:
            return await self._users.find_now(email) is not None
        except Forbidden:
            return True

    async def _offer_reset(self, email: str) -> None:
        if await self._attempts.count(MAILS, email.casefold()) > 0:
            return
        record = await self._found(email)
        if record is not None and is_active(record):
            await self._mails.send(mails.RESET, email)

    async def _create(self, email: str, profile: Mapping[str, Any]) -> Document:
        collection = self._service.catalog.collection(self._users.collection)
        document = {**profile, "email": email, "email_verified": True}
        # What else the metadata requires of a record, nobody could have been asked for.
        create = Create(collection=collection, documents=(document,), validate=False)
        try:
            created = await self._service.create(create, _as_itself(email))
        except ValidationFailed:  # another one of the address was faster
            raise _void() from None
        self._users.forget(email)
        return created[0]

    async def _confirm(self, email: str, record: Document) -> None:
        """Whoever had the mail owns the address."""
        if record.get("email_verified") is not True:
            collection = self._service.catalog.collection(self._users.collection)
            changes = {"email_verified": True}
            update = Update(collection=collection, id=record["_id"], changes=changes)
            await self._service.update(update, _as_itself(email))
            self._users.forget(email)

    async def _may_try(self, allowance: Allowance, who: str) -> None:
        """Counts an attempt; raises ``TooManyRequests``. Nobody in particular is not counted."""
        pause = await self._attempts.count(allowance, who) if who else 0
        if pause > 0:
            raise TooManyRequests(
                "Too many attempts.", hint="Wait, then try again.", retry_after=ceil(pause)
            )

    def _check_new(self, password: str, email: str | None = None) -> None:
        shortest = self._options.password_length
        if len(password) < shortest or len(password) > passwords.LONGEST:
            told = f"A password has from {shortest} to {passwords.LONGEST} characters."
            raise ValidationFailed([Invalid("password", told, "REGEX")])
        if email is not None and password.casefold() == email.casefold():
            told = "The password must not be the e-mail address."
            raise ValidationFailed([Invalid("password", told, "REGEX")])


def _may_log_in(record: Mapping[str, Any]) -> bool:
    """An address that nobody has proved to own opens nothing, whoever knows a password."""
    return is_active(record) and record.get("email_verified") is True


def _as_itself(email: str) -> Principal:
    """The server's own write, recorded as the user's."""
    return Principal(name=email, full=True, id="server")


async def _patiently(work: Awaitable[None]) -> None:
    """Does the work, and takes as long when there is none to do."""
    await asyncio.gather(work, asyncio.sleep(_ANSWER_SECONDS))


def _void() -> Unauthenticated:
    return Unauthenticated("The token is not valid any more.", hint="Ask for another mail.")
