"""Users who present a JSON Web Token: who they are, and what they may do (SPEC 3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from duetdb.app.service.access.role_permissions import RolePermissions
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Unauthenticated
from duetdb.app.service.identity.options import IdentityOptions
from duetdb.app.service.identity.revocation import Revocations
from duetdb.app.service.identity.signing import OWN_ISSUER, Signer, own_signer
from duetdb.app.service.identity.token_form import Claimed, Malformed, claim, read_token
from duetdb.app.service.identity.users import (
    Users,
    is_active,
    is_email,
    not_accepted,
    roles_in,
    without_secrets,
)
from duetdb.app.service.identity.verifying import (
    FixedKey,
    Verifier,
    configured_verifier,
    unverifiable,
)
from duetdb.app.service.lately import Lately
from duetdb.app.service.principal import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user whose token was verified; ``record`` is None for one who has none."""

    email: str
    record: Mapping[str, Any] | None
    token: Claimed
    principal: Principal


class Tokens:
    """Verifies what users present, by the keys that the operator configured.

    With passwords the server is an issuer itself: of the configured secret, or
    beside the configured issuer, under a name and with a secret of its own. What
    a token says of its issuer chooses the verifier, never the algorithm.
    """

    def __init__(self, engine: Engine, options: IdentityOptions) -> None:
        self.users = Users(engine, options.users_collection)
        self.revocations = Revocations(engine)
        self.signer: Signer | None = None
        """What /auth/login signs with, if there are passwords."""
        self._engine = engine
        self._options = options
        self._configured = configured_verifier(options)
        self._own: Verifier | None = None
        # A signature is as much work as all else of a small request.
        self._genuine: Lately[str, Claimed] = Lately(self._verified)
        # The same object for the same roles: what it has worked out is kept with it.
        self._permissions = lru_cache(maxsize=1000)(RolePermissions)

    @property
    def has_issuer(self) -> bool:
        """Whether the operator configured an issuer."""
        return self._configured is not None

    async def start(self) -> None:
        """Prepares the collections; safe in many processes at once."""
        await self.revocations.start()
        if self._options.passwords:
            self.signer = await own_signer(self._engine, self._options)
            if self._options.jwt_secret is None:
                self._own = Verifier(
                    self.signer.algorithm,
                    FixedKey(self.signer.key),
                    issuer=OWN_ISSUER,
                    audience=None,
                    leeway=self._options.jwt_leeway,
                )

    async def stop(self) -> None:
        if self._configured is not None:
            await self._configured.stop()

    async def authenticate(self, bearer: str) -> Principal:
        """The user whose token this is.

        Raises ``Unauthenticated`` if it cannot be verified or has expired, and
        ``Forbidden`` if its user is unknown or inactive (SPEC 2.5).
        """
        return (await self.user_of(bearer)).principal

    async def user_of(self, bearer: str) -> User:
        """The same with all that is known of the user; errors as ``authenticate``."""
        token = await self._genuine.get(bearer)
        if await self.revocations.holds(token.mark):
            raise unverifiable()
        email = claim(token.claims, self._options.jwt_email_claim)
        if not is_email(email) or not self._is_email_verified(token):
            raise not_accepted()
        record = await self.users.find(email)
        if record is None:
            return User(
                email=email, record=None, token=token, principal=self._claimed(email, token)
            )
        if not is_active(record):
            raise not_accepted()
        principal = self._principal(email, record["_id"], record, roles_in(record.get("roles")))
        return User(email=email, record=record, token=token, principal=principal)

    async def _verified(self, bearer: str) -> Claimed:
        try:
            token = read_token(bearer)
        except Malformed:
            raise unverifiable() from None
        verifier = self._configured
        if self._own is not None and token.claims.get("iss") == OWN_ISSUER:
            verifier = self._own
        if verifier is None:
            raise Unauthenticated(
                "No tokens are accepted here.", hint="Send a key in the header x-apikey."
            )
        await verifier.verify(bearer, token)
        return token

    def _is_email_verified(self, token: Claimed) -> bool:
        if self._options.jwt_unverified_email or "email_verified" not in token.claims:
            return True
        # Some issuers write it as a text.
        verified = token.claims["email_verified"]
        return verified is True or verified == "true"

    def _claimed(self, email: str, token: Claimed) -> Principal:
        if not self._options.jwt_without_record:
            raise not_accepted()
        roles = roles_in(claim(token.claims, self._options.jwt_roles_claim))
        return self._principal(email, email, token.claims, roles)

    def _principal(
        self, email: str, key: Any, known: Mapping[str, Any], roles: Iterable[str]
    ) -> Principal:
        """The caller that a verified user is; ``known`` is what rules may read of them."""
        return Principal(
            name=email,
            id=f"user:{key}",
            user=without_secrets({**known, "email": email}),
            permissions=self._permissions(frozenset(roles)),
        )
