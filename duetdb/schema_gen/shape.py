"""The fields of one object, compiled for checking many documents quickly.

A ``Shape`` is made once per collection and nested object. Its methods return
problems instead of raising, because all of a document's are reported together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple, TypeAlias

from duetdb.schema_gen.field import MISSING, Field, Mismatch, PatternMismatch
from duetdb.schema_gen.formula import as_text
from duetdb.schema_gen.suggest import did_you_mean
from duetdb.schema_gen.well_formed import DEPTH_LIMIT, check_key, parse_json_text, well_formed

Problem: TypeAlias = tuple[str, str, str]
"""Dotted path, code (REQUIRED, TYPE or REGEX) and sentence."""

REQUIRED = "This field is required."


class Rules(NamedTuple):
    """How a document is to be checked."""

    strict: bool = False
    """Refuse undeclared properties."""
    check_required: bool = True
    partial: bool = False
    """Only some properties are given: absent ones are neither required nor defaulted."""
    validate: bool = True
    """False skips REQUIRED, TYPE and REGEX: what does not fit is kept if it is well formed."""
    depth: int = DEPTH_LIMIT


_ALL = Rules()


class _Part(NamedTuple):
    """What the inner loop needs of one field, without attribute look-ups on it."""

    field: Field
    coerce: Callable[[Any, Field], Any]
    is_list: bool
    blank_is_null: bool
    computed: bool
    shape: Shape | None
    nulls: bool


class Shape:
    """The declared fields of a collection or of an ``object`` field."""

    __slots__ = ("_absent", "_defaults", "_names", "_parts", "computed")

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self._parts = {field.name: _part(field) for field in fields}
        self._names = tuple(self._parts)
        self._absent = tuple(
            field
            for field in fields
            if (field.required or field.default is not MISSING)
            and field.is_stored
            and field.formula is None
        )
        self._defaults: dict[str, Any] | None = None
        self.computed = _in_order(fields)
        """The computed fields, each after those that its formula reads."""

    def coerce(
        self, document: Mapping[str, Any], rules: Rules = _ALL, prefix: str = ""
    ) -> tuple[dict[str, Any], list[Problem]]:
        """The stored form of a document and everything that is wrong with it.

        Computed fields and child lists are left out, and so are names that begin
        with ``_`` at the root (``prefix`` empty): those are the service's. Absent
        fields get their defaults unless ``rules.partial``.
        """
        stored: dict[str, Any] = {}
        problems: list[Problem] = []
        parts = self._parts
        for name, value in document.items():
            part = parts.get(name)
            if part is None:
                if prefix or name[:1] != "_":
                    self._undeclared(name, value, rules, prefix, stored, problems)
            elif value is None or (value == "" and part.blank_is_null):
                if not part.computed:
                    stored[name] = None
            elif not part.computed:
                if part.shape is None and not part.is_list:
                    try:
                        stored[name] = part.coerce(value, part.field)
                    except Mismatch as error:
                        _mismatched(error, prefix + name, value, rules, stored, name, problems)
                else:
                    _compound(part, value, rules, prefix + name, stored, problems)
        for field in self._absent:
            if stored.get(field.name) in _EMPTY:
                self._complete(field, document, rules, prefix, stored, problems)
        return stored, problems

    def missing(self, stored: Mapping[str, Any], prefix: str = "") -> list[Problem]:
        """A REQUIRED problem for each required field that a stored document lacks."""
        problems: list[Problem] = []
        for name, part in self._parts.items():
            value = stored.get(name)
            if part.field.required and not part.computed and empty(value):
                if not part.field.auto_increment:
                    problems.append((prefix + name, "REQUIRED", REQUIRED))
            elif part.shape is not None and value is not None:
                for path, each in _elements(value, prefix + name):
                    if isinstance(each, Mapping):
                        problems.extend(part.shape.missing(each, path + "."))
        return problems

    def compute(self, stored: dict[str, Any]) -> None:
        """Sets the computed fields of a stored document, in place.

        A field whose formula has no result, or none that fits its type, is left out.
        """
        for field in self.computed:
            value = computed_value(field, stored)
            if value is None:
                stored.pop(field.name, None)
            else:
                stored[field.name] = value

    def part(self, name: str) -> Shape | None:
        """The shape of an ``object`` field, None for other fields."""
        found = self._parts.get(name)
        return found.shape if found is not None else None

    def _undeclared(
        self,
        name: str,
        value: Any,
        rules: Rules,
        prefix: str,
        stored: dict[str, Any],
        problems: list[Problem],
    ) -> None:
        try:
            check_key(name)
            if rules.strict:
                hint = did_you_mean(name, self._names)
                raise Mismatch(f"The collection has no field of this name.{hint}")
            well_formed(value, rules.depth - 1)
        except Mismatch as error:
            problems.append((prefix + str(name), "TYPE", str(error)))
        else:
            stored[name] = value

    def _complete(
        self,
        field: Field,
        document: Mapping[str, Any],
        rules: Rules,
        prefix: str,
        stored: dict[str, Any],
        problems: list[Problem],
    ) -> None:
        name = field.name
        if name not in document:
            if rules.partial:
                return
            if field.default is not MISSING:
                stored[name] = self._default(field)
                return
        elif name not in stored:
            return  # already reported: it did not fit
        if field.required and rules.check_required and rules.validate and not field.auto_increment:
            problems.append((prefix + name, "REQUIRED", REQUIRED))

    def _default(self, field: Field) -> Any:
        if self._defaults is None:
            self._defaults = {
                each.name: coerce(each, each.default)
                for each in self._absent
                if each.default is not MISSING
            }
        value = self._defaults[field.name]
        return deepcopy(value) if isinstance(value, dict | list) else value


class _Empty:
    """Membership without hashing or comparing what is not empty."""

    def __contains__(self, value: object) -> bool:
        return value is None or value == "" or value == []


_EMPTY = _Empty()


def empty(stored: Any) -> bool:
    """Whether a stored value counts as missing for REQUIRED: null, "" and []."""
    return stored is None or (isinstance(stored, str | list) and not stored)


def coerce(field: Field, value: Any) -> Any:
    """The stored form of a wire value for a field, as one value.

    Null stays null and a single value becomes a list where the field holds a
    list. Raises ``Mismatch`` and ``PatternMismatch``.
    """
    stored: dict[str, Any] = {}
    problems: list[Problem] = []
    part = _part(field)
    if value is None or part.computed or (value == "" and part.blank_is_null):
        return None
    if part.shape is None and not part.is_list:
        return part.coerce(value, field)
    _compound(part, value, _ALL, "", stored, problems)
    for path, code, message in problems:
        kind = PatternMismatch if code == "REGEX" else Mismatch
        raise kind(f"{path.removeprefix('.')}: {message}" if path else message)
    return stored.get(field.name)


def computed_value(field: Field, stored: Mapping[str, Any]) -> Any:
    """The stored value of a computed field over a stored document, None for no result."""
    value = field.formula.evaluate(stored) if field.formula is not None else None
    if value is None:
        return None
    if field.type.text and not isinstance(value, str):
        value = as_text(value)
    elif field.type.name == "money" and isinstance(value, Decimal):
        value = value.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    try:
        return field.type.coerce(value, field)
    except Mismatch:
        return None


def _in_order(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    left = {field.name: field for field in fields if field.formula is not None}
    ordered: list[Field] = []
    while left:
        # Metadata with a cycle is refused, so some field is always ready; if not, any will do.
        ready = [f for f in left.values() if f.formula and left.keys().isdisjoint(f.formula.names)]
        for field in ready or list(left.values()):
            ordered.append(left.pop(field.name))
    return tuple(ordered)


def read_object(value: Any) -> dict[str, Any]:
    """The object that a wire value is or, as a JSON text, spells; raises ``Mismatch``."""
    if isinstance(value, str):
        value = parse_json_text(value)
    if not isinstance(value, dict):
        raise Mismatch("Must be an object.")
    return value


def _part(field: Field) -> _Part:
    kind = field.type
    nested = kind.name == "object"
    return _Part(
        field=field,
        coerce=kind.coerce,
        is_list=field.is_list,
        blank_is_null=not kind.text and kind.name != "JSON" and not kind.always_list,
        computed=field.formula is not None or not field.is_stored,
        shape=Shape(field.fields) if nested else None,
        nulls=kind.name == "JSON",
    )


def _compound(
    part: _Part,
    value: Any,
    rules: Rules,
    path: str,
    stored: dict[str, Any],
    problems: list[Problem],
) -> None:
    """Coerces a list or a nested object."""
    name = part.field.name
    if not part.is_list:
        found = _element(part, value, rules, path, problems)
        if found is not MISSING:
            stored[name] = found
        return
    if value == "" and part.field.type.always_list:
        stored[name] = []  # a form whose select has nothing chosen
        return
    single = not isinstance(value, list)
    elements: list[Any] = []
    before = len(problems)
    for index, each in enumerate([value] if single else value):
        at = path if single else f"{path}.{index}"
        found = _element(part, each, rules, at, problems)
        if found is not MISSING:
            elements.append(found)
    if len(problems) == before:
        stored[name] = elements


def _element(part: _Part, value: Any, rules: Rules, path: str, problems: list[Problem]) -> Any:
    """The stored form of one element, ``MISSING`` when it has problems."""
    try:
        if value is None:
            if part.nulls:
                return None
            raise Mismatch("A list must not hold null.")
        if part.shape is None:
            return part.coerce(value, part.field)
        inner = rules._replace(partial=False, depth=rules.depth - 1)
        if inner.depth <= 0:
            raise Mismatch("The value is nested too deeply.")
        nested, found = part.shape.coerce(read_object(value), inner, path + ".")
        problems.extend(found)
        return MISSING if found else nested
    except Mismatch as error:
        holder: dict[str, Any] = {}
        _mismatched(error, path, value, rules, holder, "value", problems)
        return holder.get("value", MISSING)


def _mismatched(
    error: Mismatch,
    path: str,
    value: Any,
    rules: Rules,
    stored: dict[str, Any],
    name: str,
    problems: list[Problem],
) -> None:
    if not rules.validate:
        try:
            well_formed(value, rules.depth - 1)
        except Mismatch as worse:
            error = worse
        else:
            stored[name] = value
            return
    code = "REGEX" if isinstance(error, PatternMismatch) else "TYPE"
    problems.append((path, code, str(error)))


def _elements(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, list):
        return [(f"{path}.{index}", each) for index, each in enumerate(value)]
    return [(path, value)]
