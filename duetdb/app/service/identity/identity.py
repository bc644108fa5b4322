"""All that concerns users, put together once for each process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog

from duetdb.app.service.engine import Engine
from duetdb.app.service.identity.accounts import Accounts
from duetdb.app.service.identity.minting import Minting
from duetdb.app.service.identity.named_secrets import NamedSecrets
from duetdb.app.service.identity.options import IdentityOptions
from duetdb.app.service.identity.revocation import instant
from duetdb.app.service.identity.sessions import Pair, Session, Sessions
from duetdb.app.service.identity.tokens import Tokens, User
from duetdb.app.service.mail.outbox import Outbox
from duetdb.app.service.principal import Principal
from duetdb.app.service.service import Service

_log = structlog.get_logger(__name__)

_SHOWN: Final = {"_id": ("_id",), "displayname": ("name", "given_name"), "image": ("picture",)}
"""What /auth/userinfo says of a user, and the first of these properties that is there."""


class Identity:
    """Tokens, sessions and accounts; ``options`` say which of them the operator wants."""

    def __init__(
        self, engine: Engine, service: Service, options: IdentityOptions, outbox: Outbox
    ) -> None:
        self.tokens = Tokens(engine, options)
        self.sessions = Sessions(engine, self.tokens.revocations, options.refresh_days)
        self.accounts = Accounts(engine, service, options, self.tokens, self.sessions, outbox)
        self.secrets = NamedSecrets(engine, options)
        self.minting = Minting(options, self.secrets, self.sessions)
        self._service = service
        self._leeway = options.jwt_leeway
        self._wanted = options.passwords or self.tokens.has_issuer

    async def start(self) -> None:
        """Prepares what is kept in the database; safe in many processes at once."""
        self._check_index()
        await self.tokens.start()
        await self.sessions.start()
        await self.accounts.start()

    def _check_index(self) -> None:
        """Looking for a user must not read all of them."""
        users = self.tokens.users.collection
        collection = self._service.catalog.schema.collections.get(users)
        email = None if collection is None else collection.by_name.get("email")
        if self._wanted and (email is None or not (email.unique or email.indexed)):
            _log.warning("users_without_index", collection=users, advice="declare email unique")

    async def stop(self) -> None:
        await self.tokens.stop()
        self.accounts.stop()

    async def renew(self, refresh: str, principal: Principal | None) -> Pair:
        """Exchanges a refresh token; ``principal`` is the key that was presented, if one was.

        Raises ``Unauthenticated`` and ``Forbidden``.
        """

        async def issue(session: Session) -> str:
            if session.owner.startswith("user:"):
                return await self.accounts.renewed(session)
            return await self.minting.renewed(session, principal)

        return await self.sessions.renew(refresh, issue)

    async def log_out(self, user: User) -> None:
        """The token is refused from now on, and its session has ended."""
        until = instant(user.token.expires + self._leeway)
        await self.tokens.revocations.add(user.token.mark, until)
        await self.sessions.end_of(user.token.mark)

    def info(self, user: User) -> Mapping[str, Any]:
        """What a user may know of themselves; without a record, what the token says of them.

        Properties that the metadata hides are left out.
        """
        known = user.token.claims if user.record is None else user.record
        collection = self._service.catalog.schema.collections.get(self.tokens.users.collection)
        fields = () if collection is None else collection.all_fields
        hidden = {each.path for each in fields if each.hidden}
        shown: dict[str, Any] = {"_id": None, "email": user.email}
        for name, properties in _SHOWN.items():
            values = [known.get(each) for each in properties if each not in hidden]
            shown[name] = next((each for each in values if each is not None), None)
        if shown["displayname"] is None:
            shown["displayname"] = user.email
        return shown
