"""Operands of the query language in stored form: ids, dates, numbers as the database has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, DecimalException
from math import isfinite
from typing import Any

from bson.decimal128 import Decimal128

from duetdb.app.service import dates
from duetdb.app.service.errors import BadQuery
from duetdb.app.service.filters.paths import FORBIDDEN, Target
from duetdb.schema_gen.field import Field, Mismatch, Relation
from duetdb.schema_gen.fields.instants import InstantType
from duetdb.schema_gen.fields.numbers import exact
from duetdb.schema_gen.fields.reference import Reference
from duetdb.schema_gen.ids import stored_id
from duetdb.schema_gen.model import Collection, IdType, Schema
from duetdb.schema_gen.values import parse_id

_LEVELS = 100
"""As many as the documents of MongoDB have."""
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_DATE_SYSTEM_FIELDS = frozenset({"_created", "_changed"})
_NUMBERS = frozenset({"number", "float_number", "money"})

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Operands:
    """Turns wire operands into stored values, for one query of one collection.

    A value that its field could never hold stays as it is and so matches
    nothing, as in MongoDB; only what no value can be is a ``BadQuery``.
    """

    collection: Collection
    schema: Schema
    now: datetime

    def of(self, target: Target) -> Convert:
        """The conversion of single operands for what ``target`` leads to."""
        plain = self._conversion(target)

        def convert(value: Any) -> Any:
            if isinstance(value, dict) and "$date" in value:
                return self._date(value)
            return plain(value)

        return convert

    def _conversion(self, target: Target) -> Convert:
        if target.is_id:
            return lambda value: _id_of(self.collection.id_type, value)
        field = target.field
        if field is not None:
            return self._of_field(field)
        if target.names == ("_parent_id",):
            return self._parent_id
        if len(target.names) == 1 and target.names[0] in _DATE_SYSTEM_FIELDS:
            return self._instant
        return _number if target.names == ("_version",) else literal

    def _of_field(self, field: Field) -> Convert:
        if isinstance(field.type, Reference):
            id_type = field.type.id_type  # which holds where the target is not served, too
            return lambda value: _id_of(id_type, value)
        if field.type.name == "time":
            return lambda value: self._time(field, value)
        if isinstance(field.type, InstantType):
            return self._instant
        if field.type.name in _NUMBERS:
            return _money if field.type.name == "money" else _number
        if field.type.name == "bool" or field.type.media:
            return lambda value: _coerced(field, value)
        return literal

    def _date(self, value: Mapping[str, Any]) -> datetime:
        instant = dates.instant(value["$date"], self.now) if len(value) == 1 else None
        if instant is None:
            raise BadQuery(
                "'$date' takes an ISO date of the years 1 to 9999, or a variable.",
                hint=f"Variables are {', '.join(dates.VARIABLES)}.",
            )
        return instant

    def _instant(self, value: Any) -> Any:
        if isinstance(value, str):
            instant = dates.instant(value, self.now)
            return value if instant is None else instant
        return literal(value)

    def _time(self, field: Field, value: Any) -> Any:
        if isinstance(value, str) and value in dates.VARIABLES:
            value = dates.instant(value, self.now)
        return _coerced(field, value)

    def _parent_id(self, value: Any) -> Any:
        """An id in the form of whichever collections can be parents of this one's documents."""
        for each in self.collection.referrers:
            parent = self.schema.collections.get(each.collection)
            if each.field.relation is Relation.CHILD and parent is not None:
                found = parse_id(parent, value)
                if found is not None:
                    return found
        found = parse_id(self.collection, value) if not self.collection.referrers else None
        return literal(value) if found is None else found


def literal(value: Any, levels: int = _LEVELS) -> Any:
    """The value as it is; ``BadQuery`` when the database cannot compare with it."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        if not _INT_MIN <= value <= _INT_MAX:
            raise BadQuery("An integer of the query is beyond 64 bits.")
    elif isinstance(value, float):
        if not isfinite(value):
            raise BadQuery("A number of the query is not finite.")
    elif isinstance(value, list | dict):
        if not levels:
            raise BadQuery(f"A value of the query has more than {_LEVELS} levels.")
        if isinstance(value, list):
            return [literal(each, levels - 1) for each in value]
        return {_key(key): literal(each, levels - 1) for key, each in value.items()}
    return value


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadQuery("A text of the query contains a lone surrogate.") from None
    return value


def _key(key: str) -> str:
    if key.startswith("$") or "\0" in key or key in FORBIDDEN:
        raise BadQuery(f"{key!r} cannot be a name inside a value that is compared.")
    return _text(key)


def _id_of(id_type: IdType, value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"_id"}:
        value = value["_id"]
    found = None if value is None else stored_id(id_type, value)
    return literal(value) if found is None else found


def _coerced(field: Field, value: Any) -> Any:
    if value is None:
        return None
    try:
        return field.type.coerce(value, field)
    except Mismatch:
        return literal(value)


def _exact(value: Any) -> Decimal | None:
    try:
        return exact(value, "")
    except (Mismatch, DecimalException):
        return None


def _number(value: Any) -> Any:
    number = _exact(value) if isinstance(value, str) else None
    if number is None:
        return literal(value)
    if number.adjusted() < 20 and number == number.to_integral_value():
        return literal(int(number))
    return float(number) if isfinite(float(number)) else value


def _money(value: Any) -> Any:
    number = _exact(value)
    if number is None:
        return literal(value)
    try:
        return Decimal128(number)
    except DecimalException:  # more digits than any stored amount has
        return literal(value)
