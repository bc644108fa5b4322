"""What a JSON Web Token says, read strictly and believed by nobody before it is verified.

Everything that two readers could take in two ways is refused: repeated names,
numbers beyond dates, padding, other alphabets, extensions that we do not know.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from typing import Any, Final, Never

LONGEST: Final = 8192
"""Characters of a token: what a header can be expected to carry."""

_BRACKETS: Final = 256
"""Objects and lists in a header or in claims, which bounds how deep they are nested, too."""
_SHAPE: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999: later ones are no dates."""
_DIGITS: Final = 20
_UNKNOWN: Final = frozenset(("crit", "b64", "zip", "enc"))
"""Headers that change how a token is read, none of which is done here."""


class Malformed(Exception):
    """This is no token that could be verified."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An unverified token: what it claims, and the ``mark`` by which it can be revoked.

    The mark is a hash of what is signed. The signature is no part of it, for some
    algorithms let anybody write another one that is as good.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    mark: str

    @property
    def kid(self) -> str | None:
        return self.header.get("kid")

    @property
    def expires(self) -> float:
        """Seconds since 1970."""
        return float(self.claims["exp"])


def read_token(text: str) -> Claimed:
    """Takes a token apart; raises ``Malformed``."""
    if len(text) > LONGEST:
        raise Malformed("too long")
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise Malformed("not three parts")
    header, claims = _object(shape[1]), _object(shape[2])
    _decoded(shape[3])
    _check_header(header)
    _check_claims(claims)
    return Claimed(header, claims, sha256(text.rpartition(".")[0].encode()).hexdigest())


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, which may be a URL, or else by a dotted path; None without it."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def _decoded(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise Malformed("not base64url") from None


def _object(part: str) -> Mapping[str, Any]:
    raw = _decoded(part)
    if raw.count(b"{") + raw.count(b"[") > _BRACKETS:
        raise Malformed("nested too deeply")
    try:
        parsed = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_number,
            parse_int=_integer,
        )
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    if not isinstance(parsed, dict):
        raise Malformed("not an object")
    return parsed


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("a name is repeated")
    return found


def _no_number(text: str) -> Never:
    raise Malformed(f"{text} is not JSON")


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        raise Malformed("a number is too long")
    return int(text)


def _check_header(header: Mapping[str, Any]) -> None:
    if not _UNKNOWN.isdisjoint(header):
        raise Malformed("an extension that is not known")
    if not isinstance(header.get("alg"), str):
        raise Malformed("no algorithm")
    for name in ("kid", "typ"):
        if not isinstance(header.get(name, ""), str):
            raise Malformed(f"{name} is not a text")


def _check_claims(claims: Mapping[str, Any]) -> None:
    if "exp" not in claims:
        raise Malformed("it never expires")
    for name in ("exp", "nbf", "iat"):
        if name in claims and not _is_date(claims[name]):
            raise Malformed(f"{name} is not a date")
    for name in ("iss", "sub", "jti"):
        if not isinstance(claims.get(name, ""), str):
            raise Malformed(f"{name} is not a text")
    audience = claims.get("aud", "")
    several = audience if isinstance(audience, list) else [audience]
    if not all(isinstance(each, str) for each in several):
        raise Malformed("aud is not a text")


def _is_date(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and isfinite(value) and 0 <= value <= _LATEST
