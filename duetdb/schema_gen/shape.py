"""The fields of one object, compiled for checking many documents quickly.

A ``Shape`` is made once per collection and nested object. Its methods return
problems instead of raising, because all of a document's are reported together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple, TypeAlias

from duetdb.schema_gen.field import MISSING, Field, Mismatch, PatternMismatch, Relation
from duetdb.schema_gen.suggest import did_you_mean
from duetdb.schema_gen.well_formed import DEPTH_LIMIT, check_key, parse_json_text, well_formed

Problem: TypeAlias = tuple[str, str, str]
"""Dotted path, code (REQUIRED, TYPE or REGEX) and sentence."""

REQUIRED = "This field is required."


class Rules(NamedTuple):
    """How documents are to be checked."""

    strict: bool = False
    """Refuse undeclared properties."""
    partial: bool = False
    """Only some properties are given: absent ones are neither required nor defaulted."""
    validate: bool = True
    """False skips REQUIRED, TYPE and REGEX: what does not fit is kept if it is well formed."""
    depth: int = DEPTH_LIMIT
    """Levels of objects and lists, the document's own included."""
    required: bool = True
    """False leaves REQUIRED to whoever sees what comes of it."""


_ALL = Rules()


class Shape:
    """The declared fields of a collection or of an ``object`` field."""

    __slots__ = ("_defaults", "_expected", "_parts")

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self._parts = {field.name: _Part(field) for field in fields}
        self._expected = tuple(
            part
            for part in self._parts.values()
            if not part.given_by_us and (part.required or part.field.default is not MISSING)
        )
        self._defaults: dict[str, Any] | None = None

    def coerce(
        self, document: Mapping[str, Any], rules: Rules = _ALL, prefix: str = ""
    ) -> tuple[dict[str, Any], list[Problem]]:
        """The stored form of a document and everything that is wrong with it.

        Computed fields and child lists are left out, and so are names that begin
        with ``_`` at the root (``prefix`` empty): those are the service's. Absent
        fields get their defaults unless ``rules.partial``.
        """
        run = _Run(rules)
        return run.document(self, document, prefix), run.problems

    def missing(self, stored: Mapping[str, Any], prefix: str = "") -> list[Problem]:
        """A REQUIRED problem for each required field that a stored document lacks."""
        problems: list[Problem] = []
        for name, part in self._parts.items():
            value = stored.get(name)
            if part.required and empty(value):
                problems.append((prefix + name, "REQUIRED", REQUIRED))
            elif part.shape is not None and value is not None:
                for path, each in _elements(value, prefix + name):
                    if isinstance(each, Mapping):
                        problems.extend(part.shape.missing(each, path + "."))
        return problems

    def default(self, field: Field) -> Any:
        """The stored form of a field's default, a copy of its own where it can be changed."""
        if self._defaults is None:
            self._defaults = {
                part.field.name: coerce(part.field, part.field.default)
                for part in self._expected
                if part.field.default is not MISSING
            }
        value = self._defaults[field.name]
        return deepcopy(value) if isinstance(value, dict | list) else value


class _Part:
    """What checking needs of one field, as plain attributes."""

    __slots__ = ("blank", "coerce", "field", "given_by_us", "is_list", "nulls", "required", "shape")

    def __init__(self, field: Field) -> None:
        kind = field.type
        free = kind.name == "JSON"
        self.field = field
        self.coerce: Callable[[Any, Field], Any] = kind.coerce
        self.is_list = field.is_list
        self.shape = Shape(field.fields) if kind.name == "object" else None
        self.given_by_us = field.formula is not None or not field.is_stored
        self.required = field.required and not self.given_by_us and not field.auto_increment
        self.nulls = free
        # What an input left empty in a form means: nothing is chosen, or no value.
        self.blank: Any = MISSING if free or (kind.text and not self.is_list) else None
        if self.is_list and not free:
            self.blank = ()


class _Run:
    """One document being checked: the rules, and the problems so far."""

    __slots__ = ("problems", "rules")

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.problems: list[Problem] = []

    def document(
        self, shape: Shape, document: Mapping[str, Any], prefix: str, level: int = 1
    ) -> dict[str, Any]:
        """The stored form of a document, or of the object at ``prefix``."""
        stored: dict[str, Any] = {}
        parts = shape._parts
        for name, value in document.items():
            part = parts.get(name)
            if part is None:
                if prefix or name[:1] != "_":
                    self.undeclared(shape, name, value, prefix, level, stored)
            elif part.given_by_us:
                continue
            elif value is None or (value == "" and part.blank is not MISSING):
                stored[name] = list(part.blank) if value == "" and part.is_list else None
            elif part.shape is not None or part.is_list:
                found = self.compound(part, value, prefix + name, level)
                if found is not MISSING:
                    stored[name] = found
            else:
                try:
                    stored[name] = part.coerce(value, part.field)
                except Mismatch as error:
                    if self.keeps(error, value, prefix + name, level):
                        stored[name] = value
        for part in shape._expected:
            self.complete(shape, part, document, prefix, level, stored)
        return stored

    def complete(
        self,
        shape: Shape,
        part: _Part,
        document: Mapping[str, Any],
        prefix: str,
        level: int,
        stored: dict[str, Any],
    ) -> None:
        """Fills in the default of an absent field, and reports a required one that is empty."""
        field = part.field
        name = field.name
        if name not in document:
            if self.rules.partial and level == 1:
                return
            if field.default is not MISSING:
                stored[name] = shape.default(field)
                return
        elif name not in stored:
            return  # It did not fit, which has been reported.
        rules = self.rules
        if part.required and rules.required and rules.validate and empty(stored.get(name)):
            self.problems.append((prefix + name, "REQUIRED", REQUIRED))

    def compound(self, part: _Part, value: Any, path: str, level: int) -> Any:
        """The stored form of a list or of an object, ``MISSING`` when it has problems."""
        if not part.is_list:
            return self.element(part, value, path, level)
        single = not isinstance(value, list)
        before = len(self.problems)
        if part.field.relation is Relation.ONE and not single and len(value) > 1:
            self.problems.append((path, "TYPE", f"Must be one of '{part.field.collection}'."))
            return MISSING
        elements = [
            self.element(part, each, path if single else f"{path}.{index}", level)
            for index, each in enumerate([value] if single else value)
        ]
        return elements if len(self.problems) == before else MISSING

    def element(self, part: _Part, value: Any, path: str, level: int) -> Any:
        """The stored form of one element or object, ``MISSING`` when it has problems."""
        try:
            if value is None:
                if part.nulls:
                    return None
                raise Mismatch("A list must not hold null.")
            if part.shape is None:
                return part.coerce(value, part.field)
            value = read_object(value)
            if level >= self.rules.depth:
                raise Mismatch("The value is nested too deeply.")
        except Mismatch as error:
            return value if self.keeps(error, value, path, level) else MISSING
        before = len(self.problems)
        nested = self.document(part.shape, value, path + ".", level + 1)
        return nested if len(self.problems) == before else MISSING

    def undeclared(
        self,
        shape: Shape,
        name: str,
        value: Any,
        prefix: str,
        level: int,
        stored: dict[str, Any],
    ) -> None:
        """Keeps a property that the schema does not know, if it may be there."""
        try:
            check_key(name)
            if self.rules.strict:
                hint = did_you_mean(name, shape._parts)
                raise Mismatch(f"There is no field of this name.{hint}")
            well_formed(value, self.rules.depth - level)
        except Mismatch as error:
            self.problems.append((f"{prefix}{name}", "TYPE", str(error)))
        else:
            stored[name] = value

    def keeps(self, error: Mismatch, value: Any, path: str, level: int) -> bool:
        """Whether a value that does not fit is kept as it is; if not, it is reported."""
        if not self.rules.validate:
            try:
                well_formed(value, self.rules.depth - level)
                return True
            except Mismatch as worse:
                error = worse
        code = "REGEX" if isinstance(error, PatternMismatch) else "TYPE"
        self.problems.append((path, code, str(error)))
        return False


def empty(stored: Any) -> bool:
    """Whether a stored value counts as missing for REQUIRED: null, "" and []."""
    return stored is None or (isinstance(stored, str | list) and not stored)


def coerce(field: Field, value: Any, rules: Rules = _ALL) -> Any:
    """The stored form of a wire value for a field, as one value.

    Null stays null and a single value becomes a list where the field holds a
    list. ``rules`` are about what is inside of it. Raises ``Mismatch`` and
    ``PatternMismatch``.
    """
    part = _Part(field)
    if value is None:
        return None
    if value == "" and part.blank is not MISSING:
        return [] if part.is_list else None
    if part.shape is None and not part.is_list:
        return part.coerce(value, field)
    run = _Run(rules)
    stored = run.compound(part, value, "", 1)
    for path, code, message in run.problems:
        kind = PatternMismatch if code == "REGEX" else Mismatch
        raise kind(f"{path.removeprefix('.')}: {message}" if path else message)
    return stored


def read_object(value: Any) -> dict[str, Any]:
    """The object that a wire value is or, as a JSON text, spells; raises ``Mismatch``."""
    if isinstance(value, str):
        value = parse_json_text(value)
    if not isinstance(value, dict):
        raise Mismatch("Must be an object.")
    return value


def _elements(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, list):
        return [(f"{path}.{index}", each) for index, each in enumerate(value)]
    return [(path, value)]
