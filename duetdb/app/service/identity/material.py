"""The keys that an operator configures, checked so that no two kinds can be confused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

from duetdb.app.service.identity.options import IdentityOptions
from duetdb.app.service.options import BadOptions

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

HMAC_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}
"""The shortest secret of each algorithm: as long as its hash (RFC 7518, 3.2)."""

_RSA_BITS: Final = (2048, 8192)
_LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))
_KEY_TEXT: Final = re.compile(r"-----BEGIN |ssh-|ecdsa-|\{[^{}]*\"kty\"")
"""How a key of a pair begins: as PEM, for SSH, as a JWK."""


def check_options(options: IdentityOptions) -> None:
    """Raises ``BadOptions`` for keys that do not fit their algorithm, before anything starts."""
    if options.registration and not options.passwords:
        raise BadOptions("registration needs passwords: set both, or neither.")
    if options.users_collection.startswith("_") or not options.users_collection.strip():
        raise BadOptions("users_collection must not begin with _.")
    if options.mail_link is not None and "{token}" not in options.mail_link:
        raise BadOptions("mail_link must hold {token}, where the token of the mail is put.")
    if options.jwt_algorithm in HMAC_BYTES:
        _check_shared(options)
    else:
        _check_public(options)


def check_secret(name: str, secret: str, algorithm: str) -> None:
    """Raises ``BadOptions`` if this is no secret for HMAC: a public key, or too short to last."""
    if _KEY_TEXT.match(secret.lstrip()):
        raise BadOptions(f"{name} is a key pair's key; {algorithm} takes a secret that nobody has.")
    shortest = HMAC_BYTES[algorithm]
    if len(secret.encode("utf-8", "surrogatepass")) < shortest:
        raise BadOptions(
            f"{name} is too short: {algorithm} takes {shortest} bytes or more. "
            f"`openssl rand -hex {shortest}` makes a good one."
        )


def public_key(text: str, algorithm: str) -> PublicKey:
    """The public key of a PEM text, a certificate, or a file with one of them.

    Raises ``BadOptions`` if it cannot be read, is private, or is not one for the algorithm.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pem = _pem(text)
    if "PRIVATE KEY" in pem:
        raise BadOptions("jwt_public_key is a private key: give its public half to the server.")
    try:
        raw = pem.encode()
        found = (
            x509.load_pem_x509_certificate(raw).public_key()
            if "BEGIN CERTIFICATE" in pem
            else load_pem_public_key(raw)
        )
    except Exception:
        raise BadOptions("jwt_public_key cannot be read: it must be a key in PEM form.") from None
    if not fits(found, algorithm):
        raise BadOptions(f"jwt_public_key is not a key for {algorithm}: {_WANTED[algorithm]}.")
    return found  # type: ignore[return-value]  # what fits is one of the three


def fits(key: object, algorithm: str) -> bool:
    """Whether a public key is of the kind and strength that the algorithm takes."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    match algorithm:
        case "RS256":
            low, high = _RSA_BITS
            return isinstance(key, rsa.RSAPublicKey) and low <= key.key_size <= high
        case "ES256":
            return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1"
        case "EdDSA":
            return isinstance(key, ed25519.Ed25519PublicKey)
    return False


_WANTED: Final = {
    "RS256": "it takes an RSA key of 2048 to 8192 bits",
    "ES256": "it takes a key on the curve P-256",
    "EdDSA": "it takes an Ed25519 key",
}


def _check_shared(options: IdentityOptions) -> None:
    algorithm = options.jwt_algorithm
    for name in ("jwt_public_key", "jwt_jwks_url"):
        if getattr(options, name) is not None:
            raise BadOptions(
                f"{name} does not go with jwt_algorithm {algorithm}: set RS256, ES256 or EdDSA."
            )
    if options.jwt_secret is not None:
        check_secret("jwt_secret", options.jwt_secret, algorithm)


def _check_public(options: IdentityOptions) -> None:
    algorithm = options.jwt_algorithm
    if options.jwt_secret is not None:
        raise BadOptions(
            f"jwt_secret does not go with jwt_algorithm {algorithm}: set HS256, HS384 or HS512."
        )
    if (options.jwt_public_key is None) == (options.jwt_jwks_url is None):
        raise BadOptions(
            f"jwt_algorithm {algorithm} takes either jwt_public_key or jwt_jwks_url: set one."
        )
    if options.jwt_public_key is not None:
        public_key(options.jwt_public_key, algorithm)
    if options.jwt_jwks_url is not None:
        _check_url(options.jwt_jwks_url)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        valid = False
    if not valid:
        raise BadOptions("jwt_jwks_url is not a URL such as https://issuer.example/jwks.json.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(url)):
        raise BadOptions("jwt_jwks_url must begin with https://, unless it is on this machine.")


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine."""
    return urlsplit(url).hostname in _LOOPBACK


def _pem(text: str) -> str:
    if "-----BEGIN " in text:
        # A variable that cannot hold line breaks has them written out.
        return text.replace("\\n", "\n").strip() + "\n"
    try:
        return Path(text).expanduser().read_text("utf-8")
    except (OSError, ValueError):
        raise BadOptions(
            "jwt_public_key is neither PEM text nor a file that can be read."
        ) from None
