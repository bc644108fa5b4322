"""The one place where a failure of the driver becomes an error that a client can act on."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from bson.errors import InvalidDocument, InvalidStringData
from pymongo.errors import (
    ConnectionFailure,
    DocumentTooLarge,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from duetdb.app.service.errors import (
    BadQuery,
    BadRequest,
    Conflict,
    DuetError,
    LimitExceeded,
    TooLarge,
    Unavailable,
)

_TIME_CODES = frozenset({50, 262})
"""MaxTimeMSExpired and ExceededTimeLimit."""
_QUERY_CODES = frozenset({2, 9, 14, 15, 51091, 51108, 31249, 31250, 31254})
"""BadValue, FailedToParse, TypeMismatch, nested too deep, bad pattern or options, colliding
projections."""
_ZONE_CODE = 40485
_MEMORY_CODES = frozenset({96, 146, 292, 4568, 10334, 16819, 17419})
"""Sorts, groups and documents that outgrow what the database allows one operation."""
_ACCESS_CODES = frozenset({13, 18, 8000})
"""Unauthorized and AuthenticationFailed: our own credentials, not the client's."""
_NO_PLAN = 291
"""NoQueryExecutionPlans: an order by distance without the index that it needs."""
_WRITE_CONFLICT = 112
_GONE_CODES = frozenset({43, 175, 237})
"""CursorNotFound, QueryPlanKilled and CursorKilled: what was being read was taken away."""
_LONGEST = 300
_READ_ONLY_CODES = frozenset({72, 166})
"""InvalidOptions and CommandNotSupportedOnView: what views and time series answer to writes."""


class translate_driver_errors:
    """``with translate_driver_errors():`` around any database call.

    Time limits become ``LimitExceeded``, what the database cannot parse
    ``BadQuery``, a database that cannot be reached ``Unavailable``, a lost race
    ``Conflict``. Every other exception, duplicate keys and failed validation
    among them, passes through: only their caller can name the field at fault.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            return
        translated = self.translated(error)
        if translated is not None:
            raise translated from error

    def translated(self, error: BaseException) -> DuetError | None:
        """The client's view of an error; None lets it pass as it is."""
        return translated_error(error)


class naming_sort(translate_driver_errors):
    """``with naming_sort(sort):`` around a read, whose order is named if it runs out of memory.

    Every other error passes through, to be translated further out.
    """

    __slots__ = ("_sort",)

    def __init__(self, sort: Sequence[tuple[str, int]] | None) -> None:
        self._sort = sort

    def translated(self, error: BaseException) -> DuetError | None:
        if isinstance(error, OperationFailure) and error.code in _MEMORY_CODES:
            return _too_much([path for path, _ in self._sort or () if path != "_id"])
        return None


def translated_error(error: BaseException) -> DuetError | None:
    """The client's view of a driver error; None where there is no general one."""
    if isinstance(error, DuetError):
        return None
    if isinstance(error, InvalidDocument | InvalidStringData):
        return BadRequest("The database cannot store or compare one of these values.")
    if isinstance(error, OverflowError):
        return BadRequest("A number is beyond 64 bits.")
    if isinstance(error, PyMongoError):
        return _of_driver(error)
    return None


def _of_driver(error: PyMongoError) -> DuetError | None:
    if isinstance(error, ExecutionTimeout):
        return _too_slow()
    if isinstance(error, DocumentTooLarge):
        return TooLarge("The document is larger than the 16 MB that the database stores.")
    if isinstance(error, ConnectionFailure | WTimeoutError):
        return Unavailable(
            "The database cannot be reached just now.", hint="Try again in a moment.", retry_after=1
        )
    if isinstance(error, OperationFailure):
        return _of_command(error)
    return None


def _of_command(error: OperationFailure) -> DuetError | None:
    code = error.code
    if code in _TIME_CODES:
        return _too_slow()
    if code in _QUERY_CODES and "parallel arrays" in str(error):
        return BadQuery(
            "Two of the fields that are sorted by hold lists in one document, which the "
            "database has no order for.",
            hint="Sort by one of them, or declare them as the lists that they are.",
        )
    if code in _QUERY_CODES:
        return BadQuery(f"The database refused the query: {_sentence(error)}")
    if code == _ZONE_CODE:
        return BadQuery(
            "The database does not know this time zone.",
            hint="Use a name such as Europe/Oslo, or an offset such as +02:00.",
        )
    if code in _MEMORY_CODES:
        return _too_much(())
    if code in _ACCESS_CODES:
        return Unavailable(
            "The database refuses the server's own credentials.",
            hint="The operator must grant the database user readWrite on this database.",
            retry_after=30,
        )
    if code in _READ_ONLY_CODES:
        return BadRequest(
            "The database does not let this collection be changed so.",
            hint="Views can only be read, and time series only be added to.",
        )
    if code == _NO_PLAN:
        return BadQuery(
            "'$near' needs an index on its field, and the database has none there.",
            hint="It may still be built: try again in a moment.",
        )
    if code == _WRITE_CONFLICT:
        return Conflict("Another writer changed the document first.", hint="Try again.")
    if code in _GONE_CODES:
        return Conflict(
            "The collection was taken away, or an index of it, in the middle of the request.",
            hint="Look at what is there now, and try again.",
        )
    return None


def _too_much(paths: Sequence[str]) -> LimitExceeded:
    if paths:
        remedy = f"Declare \"indexed\": true on '{paths[0]}', by which it is sorted"
    else:
        remedy = "Ask for fewer documents or fields, or sort by an indexed field"
    return LimitExceeded(
        "The answer needs more memory than the database gives one query.",
        hint=f"{remedy}, or let the database use its disk by DUETDB_SORT_DISK=true.",
        of_memory=True,
    )


def _too_slow() -> LimitExceeded:
    return LimitExceeded(
        "The query takes longer than this server allows.",
        hint="Narrow the filter, ask for fewer documents, or declare the field `indexed`. The "
        "limits are DUETDB_QUERY_MS, DUETDB_STREAM_MS and, for patterns, DUETDB_REGEX_MS.",
    )


def _sentence(error: OperationFailure) -> str:
    """The server's own words without the driver's dump of the whole reply, in part if long."""
    details = error.details or {}
    text = str(details.get("errmsg") or error).split(", full error:")[0].strip()
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} ..."
    return text if text.endswith(".") else f"{text}."
