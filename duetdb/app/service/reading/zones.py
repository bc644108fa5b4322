"""Time zones by name or by offset, told from mistakes before the database is asked."""

from __future__ import annotations

import re
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from duetdb.app.service.errors import BadQuery
from duetdb.schema_gen.suggest import did_you_mean

_OFFSET = re.compile(r"[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?")
_LONGEST = 100
"""Characters of a name that is worth looking up, and remembering."""


def check_zone(zone: str) -> None:
    """Raises ``BadQuery`` for what is neither UTC, an IANA name nor an offset such as +02:00."""
    if zone == "UTC" or _OFFSET.fullmatch(zone):
        return
    if len(zone) > _LONGEST or not _is_known(zone):
        raise BadQuery(
            f"There is no time zone '{zone[:50]}'.{did_you_mean(zone, _names())}",
            hint="Use a name such as Europe/Oslo, or an offset such as +02:00.",
        )


@lru_cache(maxsize=256)
def _is_known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (LookupError, ValueError, OSError):
        return not _names()  # without a list of them only the database knows
    return True


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones())
