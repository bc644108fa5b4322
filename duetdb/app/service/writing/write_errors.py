"""What MongoDB says when it refuses a write, in our words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pymongo.errors import BulkWriteError, DocumentTooLarge, OperationFailure

from duetdb.app.service.errors import DuetError, Invalid, TooLarge, ValidationFailed
from duetdb.app.service.writing.unique import duplicate_of

DUPLICATE_KEY = frozenset({11000, 11001, 12582})
VALIDATOR = 121
BAD_VALUE = 2
TYPE_MISMATCH = 14
NO_SUCH_PATH = 28
_TOO_LARGE = frozenset({10334, 17280, 17419, 17420})

REFUSED = (OperationFailure, DocumentTooLarge)
"""The exceptions for which ``refusal`` may know an answer."""


def refusal(error: Exception, *, offset: int | None = None) -> DuetError | None:
    """The error to raise in place of ``error``; None when it is not about the documents.

    ``offset`` is the position of the first document of the batch in its array.
    """
    if isinstance(error, BulkWriteError):
        return _bulk_refusal(error, offset or 0)
    if isinstance(error, DocumentTooLarge):
        return _too_large()
    if isinstance(error, OperationFailure):
        return _coded(error.code, error.details, offset)
    return None


def is_duplicate(error: Exception) -> bool:
    """Whether a unique index refused the write."""
    return isinstance(error, OperationFailure) and any(
        code in DUPLICATE_KEY for code, _ in _codes(error)
    )


def is_duplicate_id(error: Exception) -> bool:
    """Whether the document's ``_id`` was taken."""
    return isinstance(error, OperationFailure) and any(
        code in DUPLICATE_KEY and (details or {}).get("keyPattern") == {"_id": 1}
        for code, details in _codes(error)
    )


def _codes(error: OperationFailure) -> Iterator[tuple[int | None, Mapping[str, Any] | None]]:
    if isinstance(error, BulkWriteError):
        for each in (error.details or {}).get("writeErrors", ()):
            yield each.get("code"), each
    else:
        yield error.code, error.details


def _bulk_refusal(error: BulkWriteError, offset: int) -> DuetError | None:
    for each in (error.details or {}).get("writeErrors", ()):
        found = _coded(each.get("code"), each, offset + int(each.get("index", 0)))
        if found is not None:
            return found
    return None


def _coded(
    code: int | None, details: Mapping[str, Any] | None, index: int | None
) -> DuetError | None:
    if code in DUPLICATE_KEY:
        return ValidationFailed([duplicate_of(details, index)])
    if code == VALIDATOR:
        return ValidationFailed([Invalid(each, _UNFIT, "TYPE", index) for each in _unfit(details)])
    if code in _UNINDEXABLE:
        return ValidationFailed([Invalid("_id", _UNINDEXABLE[code], "TYPE", index)])
    if code in _TOO_LARGE:
        return _too_large()
    return None


_GEOMETRY = (
    "A geometry in the document cannot be indexed: it is empty, crosses itself, has equal points "
    "or lies outside of the globe."
)
_POSITION = "A 2d index of the collection does not admit the position."
_LANGUAGE = "The text index of the collection does not know the language that the document names."
_UNINDEXABLE: Final[Mapping[int | None, str]] = {
    171: "An index of the collection is on two fields, which cannot both hold lists.",
    13026: _POSITION,
    13027: _POSITION,
    13068: _POSITION,
    16755: _GEOMETRY,
    16756: _GEOMETRY,
    16766: "A hashed index of the collection does not admit a list.",
    16804: _POSITION,
    17261: _LANGUAGE,
    17262: _LANGUAGE,
}
"""What indexes refuse, those included that somebody made beside the server."""
_UNFIT = "The value does not fit the field; the database's own validator refused it."


def _unfit(details: Mapping[str, Any] | None) -> list[str]:
    """The dotted paths that a ``$jsonSchema`` validator names; ``_id`` when it names none."""
    rules = ((details or {}).get("errInfo") or {}).get("details") or {}
    found = list(dict.fromkeys(_paths(rules.get("schemaRulesNotSatisfied", ()), "")))
    return found or ["_id"]


def _paths(rules: Any, prefix: str) -> Iterator[str]:
    for rule in rules if isinstance(rules, list | tuple) else ():
        for missing in rule.get("missingProperties", ()):
            yield prefix + missing
        for each in rule.get("propertiesNotSatisfied", ()):
            path = prefix + each["propertyName"]
            deeper = list(_paths(each.get("details"), path + "."))
            yield from deeper or [path]


def _too_large() -> TooLarge:
    return TooLarge(
        "The document is larger than the 16 MB that MongoDB stores.",
        hint="Split it, or move what is large to /media.",
    )
