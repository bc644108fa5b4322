"""Signing tokens: those of /auth/login with the server's own secret, others with named ones."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import jwt
from pymongo.errors import DuplicateKeyError

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.identity.options import IdentityOptions
from duetdb.app.service.lately import primary

OWN_ISSUER: Final = "duetdb"
"""The issuer of tokens that are signed with a secret that the server made itself."""
SECRETS: Final = "_secrets"
REGISTERED: Final = frozenset(("iss", "sub", "aud", "exp", "nbf", "iat", "jti"))
"""Claims that are the signer's, and never taken from a payload."""

_JWT_SECRET: Final = "jwt"
_BYTES: Final = 32
_JWT: Final = jwt.PyJWT({"enforce_minimum_key_length": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """One key and what is said of it in each token."""

    algorithm: str
    key: str
    issuer: str | None = None
    audience: str | None = None

    def sign(self, claims: Mapping[str, Any], seconds: float) -> str:
        """A token that is valid for so long; the time and a number of its own are added.

        Raises ``jwt.PyJWTError`` or ``ValueError`` if the key is not one for the algorithm.
        """
        now = int(time.time())
        named = {"iss": self.issuer, "aud": self.audience}
        return _JWT.encode(
            {
                **claims,
                **{name: value for name, value in named.items() if value is not None},
                "iat": now,
                "exp": now + int(seconds),
                "jti": uuid4().hex,
            },
            self.key,
            self.algorithm,
        )


async def own_signer(engine: Engine, options: IdentityOptions) -> Signer:
    """What /auth/login signs with: the configured secret, or one that is made once.

    The made one is in the database, for all workers; it verifies nothing but
    tokens of the issuer ``duetdb``.
    """
    if options.jwt_secret is not None:
        return Signer(
            algorithm=options.jwt_algorithm,
            key=options.jwt_secret,
            issuer=options.jwt_issuer,
            audience=options.jwt_audience,
        )
    return Signer(algorithm="HS256", key=await _made_once(engine), issuer=OWN_ISSUER)


async def _made_once(engine: Engine) -> str:
    stored = primary(engine, SECRETS)
    with translate_driver_errors():
        with suppress(DuplicateKeyError):  # made at an earlier start, or by another worker
            await stored.insert_one({"_id": _JWT_SECRET, "value": secrets.token_hex(_BYTES)})
        found = await stored.find_one({"_id": _JWT_SECRET})
    return str(found["value"])
