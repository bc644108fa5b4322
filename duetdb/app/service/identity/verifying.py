"""Verifying a token: one algorithm, one source of keys, every claim that a token must have."""

from __future__ import annotations

from typing import Any, Protocol

import jwt

from duetdb.app.service.errors import Unauthenticated
from duetdb.app.service.identity.jwks import JwksKeys
from duetdb.app.service.identity.material import public_key
from duetdb.app.service.identity.options import IdentityOptions
from duetdb.app.service.identity.token_form import Claimed


class KeySource(Protocol):
    """Where a verifier takes the key from that a token names."""

    async def find(self, kid: str | None) -> Any: ...
    async def stop(self) -> None: ...


class FixedKey:
    """One key, whatever id a token gives it."""

    def __init__(self, key: Any) -> None:
        self._key = key

    async def find(self, kid: str | None) -> Any:
        return self._key

    async def stop(self) -> None:
        """There is nothing to stop."""


class Verifier:
    """Verifies tokens of one issuer.

    The algorithm is that of the operator; a token that names another one is
    refused before its key is looked for.
    """

    def __init__(
        self,
        algorithm: str,
        keys: KeySource,
        *,
        issuer: str | None,
        audience: str | None,
        leeway: int,
    ) -> None:
        self._algorithm = algorithm
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway
        required = ["exp", *(["iss"] if issuer else []), *(["aud"] if audience else [])]
        self._options: Any = {"require": required, "enforce_minimum_key_length": True}

    async def stop(self) -> None:
        """Ends what its keys still do in the background."""
        await self._keys.stop()

    async def verify(self, text: str, claimed: Claimed) -> None:
        """Returns if the token is genuine, in time, and meant for us.

        Raises ``Unauthenticated``, and ``Unavailable`` if its issuer's keys cannot be had.
        """
        if claimed.header["alg"] != self._algorithm:
            raise unverifiable()
        if self._audience is None and "aud" in claimed.claims:
            raise unverifiable()  # also one that is empty, and so meant for nobody
        key = await self._keys.find(claimed.kid)
        if key is None:
            raise unverifiable()
        try:
            jwt.decode(
                text,
                key,
                algorithms=[self._algorithm],
                options=self._options,
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._leeway,
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated(
                "The token has expired.", hint="Exchange the refresh token, or log in again."
            ) from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise unverifiable() from None


def unverifiable() -> Unauthenticated:
    """The one answer to everything that is wrong with a token, save that it is too old."""
    return Unauthenticated(
        "The token cannot be verified.", hint="Log in again, and send the new token as it is."
    )


def configured_verifier(options: IdentityOptions) -> Verifier | None:
    """The verifier that the operator's keys make; None without keys."""
    algorithm = options.jwt_algorithm
    source: KeySource
    if options.jwt_secret is not None:
        source = FixedKey(options.jwt_secret)
    elif options.jwt_public_key is not None:
        source = FixedKey(public_key(options.jwt_public_key, algorithm))
    elif options.jwt_jwks_url is not None:
        source = JwksKeys(options.jwt_jwks_url, algorithm)
    else:
        return None
    return Verifier(
        algorithm,
        source,
        issuer=options.jwt_issuer,
        audience=options.jwt_audience,
        leeway=options.jwt_leeway,
    )
