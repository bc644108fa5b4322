"""Filters of keys and rules: in the query language, with variables about the caller."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from bson.objectid import ObjectId

from duetdb.app.service import dates
from duetdb.app.service.errors import BadRequest, Forbidden
from duetdb.app.service.filters.parse import parse_filter
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import Filter, Or
from duetdb.schema_gen.model import Collection, Schema
from duetdb.schema_gen.suggest import did_you_mean

USER: Final = "$user."
"""How a variable begins that is a value of the caller's record: ``$user.email``."""

_LIMITS: Final = Limits()
_VARIABLE: Final = re.compile(r"\$[A-Za-z]")
_NOTHING: Final = Or(())
_SCALARS: Final = (str, int, float, bool, ObjectId, datetime)


class DocumentFilter:
    """A ``q`` object that says which documents somebody may reach.

    Nobody but the operator writes one, so it may ask by every field, also by
    those that the caller does not see.
    """

    def __init__(self, q: Mapping[str, Any]) -> None:
        self._q = q
        self._is_constant = not any(each.startswith("$") for each in _texts(q))
        self._schema: Schema | None = None
        self._parsed: dict[str, tuple[Collection, Filter]] = {}

    def of(self, collection: Collection, user: Mapping[str, Any], schema: Schema) -> Filter:
        """The filter for one caller.

        A variable that the caller has no value for makes it one that no document
        matches. Raises ``Forbidden`` where it cannot be read at all: metadata that
        was written beside the server opens nothing.
        """
        if self._schema is not schema:  # a filter may ask by what relations lead to
            self._schema, self._parsed = schema, {}
        known = self._parsed.get(collection.name)
        if known is not None and known[0] is collection:
            return known[1]
        try:
            q = _with_values(self._q, user)
            found = parse_filter(collection, q, _LIMITS, schema)
        except _UnknownError:
            return _NOTHING
        except BadRequest as error:
            raise Forbidden(
                f"The rules of the collection {collection.name!r} cannot be read.",
                hint="Correct the filters in its metadata, or of the key.",
            ) from error
        if self._is_constant:
            self._parsed[collection.name] = collection, found
        return found


def mistake_in(q: Mapping[str, Any], collection: Collection, schema: Schema) -> str | None:
    """What is wrong with a filter of a key or a rule, as a sentence; None if it can be used."""
    for text in _texts(q):
        if _VARIABLE.match(text) and not text.startswith(USER) and text not in dates.VARIABLES:
            near = did_you_mean(text, (*dates.VARIABLES, f"{USER}email"))
            return f"There is no variable {text[:50]!r}.{near}"
    try:
        sampled(q, collection, schema)
    except BadRequest as error:
        return error.message
    return None


def sampled(q: Mapping[str, Any], collection: Collection, schema: Schema) -> Filter:
    """What a filter asks by, whatever its variables mean; raises ``BadRequest``."""
    return parse_filter(collection, _with_samples(q), _LIMITS, schema)


_OF_LISTS: Final = ("$in", "$nin", "$all")


def _with_samples(value: Any, operator: str = "") -> Any:
    """The filter with something in the place of variables that may stand there whatever it is."""
    if isinstance(value, str) and value.startswith(USER):
        return [] if operator in _OF_LISTS else None
    if isinstance(value, Mapping):
        return {key: _with_samples(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_samples(each) for each in value]
    return value


class _UnknownError(Exception):
    """A variable has no value."""


def _texts(value: Any) -> Iterator[str]:
    """Every text in a filter that is a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _with_values(value: Any, user: Mapping[str, Any]) -> Any:
    if isinstance(value, str) and value.startswith(USER):
        return _value(value, user)
    if isinstance(value, Mapping):
        return {key: _with_values(each, user) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_values(each, user) for each in value]
    return value


def _value(variable: str, user: Mapping[str, Any]) -> Any:
    """What the variable means: a scalar or a list of these, for nothing else can be compared."""
    found: Any = user
    for part in variable.removeprefix(USER).split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    values = found if isinstance(found, list) else [found]
    if not all(isinstance(each, _SCALARS) for each in values):
        raise _UnknownError
    if any(isinstance(each, str) and each.startswith("$") for each in values):
        raise _UnknownError  # it would be a variable itself
    return found
