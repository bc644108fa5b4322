"""Whether a representation is sent at all, by what a client has of it (RFC 9110 section 13)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

from starlette.datastructures import Headers

from duetdb.app.service.errors import VersionMismatch

_TAG: Final = re.compile(r'[ \t,]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)')
_LONGEST_DATE: Final = 60


@dataclass(frozen=True, slots=True)
class Validators:
    """A strong entity tag, quotes included, and when the content was stored."""

    etag: str
    modified: datetime

    @property
    def last_modified(self) -> str:
        """As HTTP writes it, in whole seconds."""
        return format_datetime(_seconds(self.modified), usegmt=True)


def require(headers: Headers, now: Validators) -> None:
    """For methods that change what is there; the order is that of 13.2.2.

    Raises ``VersionMismatch`` (412) when what the client wants to be so is not. A date that is
    none says nothing.
    """
    _require_same(headers, now)
    if _has_one(headers, now):
        raise _changed()


def is_known(headers: Headers, now: Validators) -> bool:
    """Whether the client has just this already, and is answered 304; for GET and HEAD.

    The order is that of 13.2.2. Raises ``VersionMismatch`` as ``require`` does.
    """
    _require_same(headers, now)
    has_one = _has_one(headers, now)
    if has_one is not None:
        return has_one
    since = _date(headers.get("if-modified-since"))
    return since is not None and _seconds(now.modified) <= since


def _require_same(headers: Headers, now: Validators) -> None:
    wanted = _joined(headers, "if-match")
    if wanted is not None:
        if wanted.strip() != "*" and now.etag not in _tags(wanted):
            raise _changed()
    else:
        latest = _date(headers.get("if-unmodified-since"))
        if latest is not None and _seconds(now.modified) > latest:
            raise _changed()


def _has_one(headers: Headers, now: Validators) -> bool | None:
    """Whether it is among those of ``If-None-Match``; None where there are none."""
    had = _joined(headers, "if-none-match")
    if had is None:
        return None
    return had.strip() == "*" or now.etag in (each.removeprefix("W/") for each in _tags(had))


def range_holds(headers: Headers, now: Validators) -> bool:
    """Whether ``If-Range`` lets a part be sent: it must name just this content (13.1.5).

    A date counts when it is that of the content, and not of this very second, in which there
    may have been another content before.
    """
    given = headers.get("if-range")
    if given is None or given.strip() == now.etag:
        return True
    modified = _seconds(now.modified)
    return _date(given) == modified and modified < _seconds(datetime.now(UTC))


def _changed() -> VersionMismatch:
    return VersionMismatch("The file has changed.", hint="Get it again as it is now.")


def _joined(headers: Headers, name: str) -> str | None:
    lines = headers.getlist(name)
    return ",".join(lines) if lines else None


def _tags(header: str) -> Iterator[str]:
    """The tags of a list, up to where it is malformed; each character is looked at once."""
    position = 0
    while (found := _TAG.match(header, position)) is not None and found.end() > position:
        yield found[1]
        position = found.end()


def _date(text: str | None) -> datetime | None:
    if text is None or len(text) > _LONGEST_DATE:
        return None
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _seconds(moment: datetime) -> datetime:
    given = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return given.replace(microsecond=0)
