"""The keys that an issuer publishes: fetched rarely, kept while the issuer is away, and rotated."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import structlog

from duetdb.app.service.errors import Unavailable
from duetdb.app.service.identity.material import fits, is_loopback

if TYPE_CHECKING:
    from duetdb.app.service.identity.material import PublicKey

_log = structlog.get_logger(__name__)

FRESH_SECONDS: Final = 300.0
"""After so long the keys are fetched again, in the background: one taken back is refused then."""
STALE_SECONDS: Final = 24 * 3600.0
"""How long keys count while the issuer does not answer."""
PAUSE_SECONDS: Final = 5.0
"""Between two fetches that tokens with an unknown key, or failures, can cause."""

_FETCH_SECONDS: Final = 5.0
_MOST_BYTES: Final = 256 * 1024
_MOST_KEYS: Final = 100
_KINDS: Final = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}


class JwksKeys:
    """Gives the public key that a token names, for one algorithm that the operator chose."""

    def __init__(
        self,
        url: str,
        algorithm: str,
        *,
        fresh: float = FRESH_SECONDS,
        stale: float = STALE_SECONDS,
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self._url = url
        self._algorithm = algorithm
        self._fresh, self._stale, self._pause = fresh, stale, pause
        self._keys: Mapping[str | None, PublicKey] = {}
        self._fetched_at = -float("inf")
        self._asked_again_at = -float("inf")
        self._fetching: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        """Ends a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            with suppress(asyncio.CancelledError):
                await self._fetching

    async def find(self, kid: str | None) -> PublicKey | None:
        """The key of that id, the only one there is if a token names none, or None.

        Raises ``Unavailable`` while there are no keys that could be believed.
        """
        age = time.monotonic() - self._fetched_at
        if age > self._stale:
            self._keys = {}
            await self._fetch_if_due()
            if time.monotonic() - self._fetched_at > self._stale:
                raise Unavailable(
                    "The keys of the tokens' issuer cannot be had just now.",
                    hint="Try again in a moment.",
                )
        elif age > self._fresh:
            self._begin_if_due()
        found = self._named(kid)
        if found is None and await self._fetch_if_due():
            found = self._named(kid)
        return found

    def _named(self, kid: str | None) -> PublicKey | None:
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    async def _fetch_if_due(self) -> bool:
        """Fetches, or waits for who does already; False if the last time was too short ago."""
        task = self._begin_if_due()
        if task is None:
            return False
        await asyncio.shield(task)
        return True

    def _begin_if_due(self) -> asyncio.Task[None] | None:
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        now = time.monotonic()
        if now - self._asked_again_at < self._pause:
            return None
        if self._fetched_at != -float("inf"):
            self._asked_again_at = now
        self._fetching = asyncio.create_task(self._fetch(), name="fetch of public keys")
        return self._fetching

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                raw = await _download(self._url)
            keys = usable_keys(json.loads(raw), self._algorithm)
        except Exception as error:
            # Whatever the issuer sends or fails to send, what is known of it stays.
            self._asked_again_at = time.monotonic()
            _log.warning("issuer_keys_not_fetched", error=f"{type(error).__name__}: {error!s:.200}")
            return
        self._keys = keys
        self._fetched_at = time.monotonic()


def usable_keys(document: Any, algorithm: str) -> Mapping[str | None, PublicKey]:
    """The keys of a JWK set (RFC 7517) that verify this algorithm, by their ids.

    What is odd or for something else is left out. Raises ``ValueError`` if it is no set.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("This is no JWK set.")
    found: dict[str | None, PublicKey] = {}
    for each in listed[:_MOST_KEYS]:
        key = _usable(each, algorithm)
        if key is not None:
            found.setdefault(each.get("kid"), key)
    return found


def _usable(jwk: Any, algorithm: str) -> PublicKey | None:
    import jwt

    if not isinstance(jwk, dict) or jwk.get("kty") != _KINDS[algorithm] or "d" in jwk:
        return None
    if jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm) != algorithm:
        return None
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    if not isinstance(jwk.get("kid", ""), str):
        return None
    try:
        key: Any = jwt.PyJWK(jwk, algorithm).key
    except Exception:
        # One odd key of an issuer must not take the others away.
        return None
    return key if fits(key, algorithm) else None


async def _download(url: str) -> bytes:
    """What is at a URL; redirects, errors and more than 256 KB are failures."""
    import httpx  # takes a while, and only servers whose issuer publishes keys need it

    client = httpx.AsyncClient(
        follow_redirects=False, timeout=_FETCH_SECONDS, trust_env=not is_loopback(url)
    )
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    async with client, client.stream("GET", url, headers=headers) as response:
        if response.status_code != 200:
            raise ValueError(f"The issuer answers {response.status_code}.")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise ValueError("The issuer answers in an encoding that was not asked for.")
        received = bytearray()
        async for chunk in response.aiter_raw():
            received += chunk
            if len(received) > _MOST_BYTES:
                raise ValueError("The issuer sends more than a set of keys.")
    return bytes(received)
