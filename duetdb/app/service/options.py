"""What the options of all rooms have in common."""

from __future__ import annotations

import ipaddress


class BadOptions(Exception):
    """Options that cannot be used, or not together; the text is one sentence for the operator."""


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine, and nobody else reaches what listens on it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
