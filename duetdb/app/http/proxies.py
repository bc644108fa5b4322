"""Where a request really came from: the word of a trusted proxy, and of nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, Literal, TypeAlias

from starlette.types import Scope

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address

_PAIR: Final = re.compile(r'\s*([A-Za-z-]+)\s*=\s*("[^"]*"|[^\s",;]*)\s*')
_LONGEST: Final = 2_000
"""Characters of a forwarding header: no chain of proxies is longer."""


class Proxies:
    """The proxies that may say who the client is and how it came, and in which headers.

    With ``x-forwarded`` those are ``X-Forwarded-For`` and ``X-Forwarded-Proto``, with
    ``forwarded`` the header of RFC 7239. Only one kind counts: proxies set one and pass on
    whatever a client sent of the other.
    """

    def __init__(
        self,
        networks: Iterable[Network] = (),
        header: Literal["x-forwarded", "forwarded"] = "x-forwarded",
    ) -> None:
        self._networks = tuple(networks)
        self._read = _forwarded if header == "forwarded" else _x_forwarded
        self._trusts = lru_cache(maxsize=4096)(self._in_networks)

    def resolve(self, scope: Scope) -> None:
        """Puts the client's address and scheme in place of the proxy's, if it is trusted.

        The client is the nearest address that is no trusted proxy's, for what lies beyond it is
        hearsay. What cannot be read as an address ends the chain: nobody is trusted for it.
        """
        peer = scope.get("client")
        if not self._networks or peer is None or not self._trusts(peer[0]):
            return
        hops, protocols = self._read(scope["headers"])
        client, place = peer[0], len(hops)
        while place and self._trusts(client):
            place -= 1
            client = _host(hops[place])
        scope["client"] = (client, 0)
        secure = _is_secure(protocols, place)
        if secure is not None:
            base = "ws" if scope["type"] == "websocket" else "http"
            scope["scheme"] = base + "s" if secure else base

    def _in_networks(self, host: str) -> bool:
        address = parsed(host)
        return address is not None and any(address in network for network in self._networks)


def parsed(host: str) -> Address | None:
    """The address; an IPv4 address that is written as an IPv6 one is what it means."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=4096)
def is_this_machine(host: str) -> bool:
    """Whether only a program on this machine can have that address."""
    address = parsed(host)
    return address is not None and address.is_loopback


def _x_forwarded(headers: Iterable[tuple[bytes, bytes]]) -> tuple[list[str], list[str]]:
    """The hops, the nearest last, and what was said of the protocol, which is not per hop."""
    found: dict[bytes, list[bytes]] = {b"x-forwarded-for": [], b"x-forwarded-proto": []}
    for name, value in headers:
        if name in found:
            found[name].append(value)
    hops, protocols = (_values(b",".join(each)) for each in found.values())
    # One "http" among several makes all of it insecure: the first may be the client's own.
    said = {each.lower() for each in protocols}
    return hops, [] if not said else ["https" if said <= {"https", "wss"} else "http"]


def _forwarded(headers: Iterable[tuple[bytes, bytes]]) -> tuple[list[str], list[str]]:
    """``for`` and ``proto`` of each hop, the nearest last."""
    text = b",".join(value for name, value in headers if name == b"forwarded")
    elements = [
        {name.lower(): value.strip('"') for name, value in _PAIR.findall(each)}
        for each in _values(text)
    ]
    return (
        [each.get("for", "unknown") for each in elements],
        [each.get("proto", "").lower() for each in elements],
    )


def _values(text: bytes) -> list[str]:
    return [each.strip() for each in text[-_LONGEST:].decode("latin-1").split(",") if each.strip()]


def _is_secure(protocols: list[str], place: int) -> bool | None:
    """Whether the client came by TLS as its own hop says, or all of it; None if nothing does."""
    if not protocols:
        return None
    said = protocols[place] if place < len(protocols) else protocols[-1]
    return said in ("https", "wss") if said else None


def _host(hop: str) -> str:
    """The address of ``192.0.2.1``, ``192.0.2.1:80``, ``2001:db8::1`` or ``[2001:db8::1]:80``."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
