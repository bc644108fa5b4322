"""Tokens that a key asks for: signed with a named secret, for users of this server or others."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import jwt

from duetdb.app.service.errors import BadRequest, Forbidden, Unauthenticated
from duetdb.app.service.identity.material import HMAC_BYTES, check_secret
from duetdb.app.service.identity.named_secrets import CONFIGURED, NamedSecrets
from duetdb.app.service.identity.options import IdentityOptions
from duetdb.app.service.identity.sessions import Pair, Session, Sessions
from duetdb.app.service.identity.signing import REGISTERED, Signer
from duetdb.app.service.identity.token_form import LONGEST
from duetdb.app.service.options import BadOptions
from duetdb.app.service.principal import Principal, refusal

MINT: Final = "/auth/jwt"
"""What a web key must list to make tokens."""

MintAlgorithm: TypeAlias = Literal["HS256", "HS384", "HS512", "RS256"]

_MOST_CLAIMS: Final = 4096
"""Bytes of claims as JSON: the token must fit into a header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mint:
    """What a token is to say; ``secret`` names the key that signs it, ``seconds`` its life."""

    secret: str
    seconds: int
    algorithm: MintAlgorithm | None = None
    issuer: str | None = None
    audience: str | None = None
    subject: str | None = None
    payload: Mapping[str, Any]


def may_mint(principal: Principal) -> bool:
    """Whether the caller may make tokens: no star of a key means that."""
    return principal.full or principal.permissions.names("POST", MINT)


class Minting:
    """Makes tokens, and refresh tokens that only the same key can exchange."""

    def __init__(self, options: IdentityOptions, named: NamedSecrets, sessions: Sessions) -> None:
        self._options = options
        self._named = named
        self._sessions = sessions

    async def mint(
        self, wanted: Mint, principal: Principal, confirm: Callable[[], Awaitable[None]]
    ) -> Pair:
        """A token and its refresh token; raises ``BadRequest`` for what cannot be signed.

        ``confirm`` raises if the key is not accepted any more.
        """
        taken = sorted(REGISTERED.intersection(wanted.payload))
        if taken:
            raise BadRequest(
                f"The payload must not hold {', '.join(taken)}.",
                hint="Use issuer, audience, subject and expiresIn for them; the rest is ours.",
            )
        claims = json.dumps(wanted.payload, separators=(",", ":"))
        if len(claims) > _MOST_CLAIMS:
            raise BadRequest(f"The payload is larger than {_MOST_CLAIMS:,} bytes.")
        grant = {
            "secret": wanted.secret,
            "algorithm": wanted.algorithm,
            "issuer": wanted.issuer,
            "audience": wanted.audience,
            "subject": wanted.subject,
            "seconds": wanted.seconds,
            "claims": claims,
        }
        token = await self._sign(grant)
        return await self._sessions.begin(principal.id, grant, token, confirm)

    async def renewed(self, session: Session, principal: Principal | None) -> str:
        """The next token of a session that a key began.

        Raises ``Unauthenticated`` without a key, ``Forbidden`` for another one, and for one that
        may not make tokens any more.
        """
        if principal is None:
            raise Unauthenticated(
                "This refresh token belongs to a key, which was not presented.",
                hint="Send the key that it was made with in the header x-apikey.",
            )
        if principal.id != session.owner and not principal.full:
            raise Forbidden("This refresh token belongs to another key.")
        if not may_mint(principal):
            raise refusal(principal)
        try:
            return await self._sign(session.grant)
        except BadRequest:
            raise Forbidden("The secret of this token is not there any more.") from None

    async def _sign(self, grant: Mapping[str, Any]) -> str:
        name = grant["secret"]
        secret = await self._named.find(name)
        if secret is None:
            raise BadRequest(
                f"There is no secret {name[:100]!r}.",
                hint="Store it by PUT /auth/secrets/<name>, or use jwt_secret, the configured one.",
            )
        signer = self._signer(grant, name, secret)
        subject = grant["subject"]
        claims = {**json.loads(grant["claims"]), **({} if subject is None else {"sub": subject})}
        try:
            token = signer.sign(claims, grant["seconds"])
        except (jwt.PyJWTError, ValueError, TypeError):
            raise BadRequest(f"The secret {name!r} is no key for {signer.algorithm}.") from None
        if len(token) > LONGEST:
            raise BadRequest("The token would be too long.", hint="Put less into the payload.")
        return token

    def _signer(self, grant: Mapping[str, Any], name: str, secret: str) -> Signer:
        own = name == CONFIGURED
        algorithm = grant["algorithm"] or (self._options.jwt_algorithm if own else "HS256")
        if own and algorithm != self._options.jwt_algorithm:
            raise BadRequest(f"{CONFIGURED} signs by {self._options.jwt_algorithm} only.")
        if algorithm in HMAC_BYTES:
            try:
                check_secret(f"The secret {name!r}", secret, algorithm)
            except BadOptions as error:
                raise BadRequest(str(error)) from None
        return Signer(
            algorithm=algorithm,
            key=secret,
            issuer=grant["issuer"] or (self._options.jwt_issuer if own else None),
            audience=grant["audience"] or (self._options.jwt_audience if own else None),
        )
