"""Every error that a request can end in, as one tree of values.

    DuetError
    ├── BadRequest             BAD_REQUEST        the request cannot be understood
    │   ├── BadQuery           BAD_QUERY          a filter, order or page is malformed
    │   ├── LimitExceeded      LIMIT_EXCEEDED     well formed, but over a limit
    │   └── BadMetadata        BAD_METADATA       collection metadata with mistakes, all listed
    ├── ValidationFailed       VALIDATION_FAILED  values that break the schema, all listed
    ├── Unauthenticated        UNAUTHENTICATED    nothing verifiable was presented
    ├── Forbidden              FORBIDDEN          presented, but not allowed
    ├── NotFound               NOT_FOUND          no such collection, document or field
    ├── Conflict               CONFLICT           another writer was faster, retries used up
    ├── VersionMismatch        VERSION_MISMATCH   If-Match or ifVersion does not hold any more
    ├── TooLarge               TOO_LARGE          body over its limit
    ├── TooManyRequests        RATE_LIMITED       this caller or address asks too often
    ├── NotAvailable           NOT_AVAILABLE      this engine cannot do it (memory mode)
    └── Unavailable            UNAVAILABLE        the database cannot be reached just now
        └── Quarantined        QUARANTINED        the collection's metadata cannot be built

There is no HTTP here: ``rest.errors`` and ``graphql.errors`` each map the codes
in one place. ``message`` says what is wrong, ``hint`` what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from duetdb.schema_gen.problem import Problem


class DuetError(Exception):
    """The root of all errors that reach a client as themselves."""

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadRequest(DuetError):
    code = "BAD_REQUEST"


class BadQuery(BadRequest):
    code = "BAD_QUERY"


class LimitExceeded(BadRequest):
    """``of_memory`` where it is the memory that the database gives one query."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, message: str, *, hint: str | None = None, of_memory: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.of_memory = of_memory


class BadMetadata(BadRequest):
    code = "BAD_METADATA"

    def __init__(self, problems: Sequence[Problem], *, hint: str | None = None) -> None:
        first = problems[0].message if problems else "The metadata is not valid."
        more = f" ({len(problems)} mistakes in all.)" if len(problems) > 1 else ""
        super().__init__(first + more, hint=hint)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Invalid:
    """One value that breaks the schema (SPEC 4.4 and 18.1).

    ``field`` is the dotted path on the wire, ``code`` one of REQUIRED, UNIQUE,
    TYPE and REGEX, ``index`` the position in an array insert.
    """

    field: str
    message: str
    code: str
    index: int | None = None


class ValidationFailed(DuetError):
    code = "VALIDATION_FAILED"

    def __init__(self, invalid: Sequence[Invalid]) -> None:
        super().__init__("Validation error")
        self.invalid = tuple(invalid)


class Unauthenticated(DuetError):
    code = "UNAUTHENTICATED"


class Forbidden(DuetError):
    code = "FORBIDDEN"


class NotFound(DuetError):
    code = "NOT_FOUND"


class Conflict(DuetError):
    code = "CONFLICT"


class VersionMismatch(DuetError):
    code = "VERSION_MISMATCH"


class TooLarge(DuetError):
    code = "TOO_LARGE"


class TooManyRequests(DuetError):
    """``retry_after`` is in seconds, at least 1."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, *, hint: str | None = None, retry_after: int = 1) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = max(1, retry_after)


class NotAvailable(DuetError):
    code = "NOT_AVAILABLE"


class Unavailable(DuetError):
    code = "UNAVAILABLE"

    def __init__(self, message: str, *, hint: str | None = None, retry_after: int = 1) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class Quarantined(Unavailable):
    code = "QUARANTINED"
