"""How users prove who they are; each option is a setting of the same name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Algorithm: TypeAlias = Literal["HS256", "HS384", "HS512", "RS256", "ES256", "EdDSA"]

_SECRET: dict[str, Any] = {"secret": True}


@dataclass(frozen=True, kw_only=True)
class IdentityOptions:
    jwt_algorithm: Algorithm = "HS256"
    """How the tokens of users are signed; what a token itself says of it never counts."""
    jwt_secret: str | None = field(default=None, repr=False, metadata=_SECRET)
    """The secret of HS256, HS384 or HS512: as many bytes as the hash has, 32, 48 or 64, or more."""
    jwt_public_key: str | None = None
    """The public key or certificate of RS256, ES256 or EdDSA, as PEM text or the path of a file."""
    jwt_jwks_url: str | None = None
    """Where the issuer publishes its keys, in place of jwt_public_key; https, or on loopback."""
    jwt_issuer: str | None = None
    """What the claim iss must be; when it is not set, any."""
    jwt_audience: str | None = None
    """What the claim aud must hold; when it is not set, tokens that have the claim are refused."""
    jwt_leeway: int = field(default=10, metadata={"min": 0, "max": 300})
    """Seconds that the clocks of the issuer and of this server may differ."""
    jwt_email_claim: str = "email"
    """The claim with the user's e-mail address: a name, or a dotted path."""
    jwt_roles_claim: str = "roles"
    """The claim with the roles of users without a record: a name, a URL, or a dotted path."""
    jwt_without_record: bool = False
    """Let users in who have no record, with the roles that their token claims."""
    jwt_unverified_email: bool = False
    """Let users in whose token says that their e-mail address is not verified."""
    users_collection: str = "users"
    """The collection of the users' records."""
    passwords: bool = False
    """Let users log in with e-mail and password at /auth/login."""
    registration: bool = False
    """Let anybody register at /auth/register; needs passwords."""
    password_length: int = field(default=10, metadata={"min": 8, "max": 128})
    """Characters that a new password has at least."""
    session_minutes: int = field(default=60, metadata={"max": 1440})
    """Minutes that a token of /auth/login is valid."""
    refresh_days: int = field(default=30, metadata={"max": 366})
    """Days in which a refresh token can be exchanged, once."""
    mail_minutes: int = field(default=60, metadata={"max": 1440})
    """Minutes in which a token that was sent by mail can be used, once."""
    mail_link: str | None = None
    """The page that takes tokens from mails, {purpose} and {token} in it being replaced."""
