"""The body of an update in stored form, and what it makes of the stored document."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

from duetdb.app.service.errors import BadRequest, Invalid
from duetdb.app.service.query import Document
from duetdb.app.service.system_fields import PARENT_FIELDS
from duetdb.app.service.writing.write_plan import WritePlan
from duetdb.schema_gen.field import Field, Mismatch, PatternMismatch
from duetdb.schema_gen.shape import Rules, coerce
from duetdb.schema_gen.suggest import did_you_mean
from duetdb.schema_gen.well_formed import check_key, well_formed


class At(NamedTuple):
    """A value for a place inside of the document, from a dotted key."""

    path: tuple[str, ...]
    value: Any


class Revision(ABC):
    """What an update makes of a document.

    Everything that can be judged without the stored document is judged when it
    is made: ``invalid`` holds what is wrong. ``roots`` are the top-level fields
    that it touches, ``values`` the new ones among them.
    """

    roots: frozenset[str]
    values: Document
    invalid: list[Invalid]

    @abstractmethod
    def applied(self, document: Document) -> tuple[Document, list[Invalid]]:
        """A changed copy of the document, and what is wrong only on this document."""


class Replacement(Revision):
    """A new whole document; the system fields stay, and numbers that were assigned."""

    def __init__(self, plan: WritePlan, body: Mapping[str, Any], depth: int) -> None:
        self._counted = tuple(f.name for f in plan.counted if f.name == f.path)
        body = plan.read_names(body)
        rules = Rules(strict=plan.collection.strict, depth=depth)
        self.values, problems = plan.shape.coerce(body, rules)
        self.invalid = [Invalid(path, sentence, code) for path, code, sentence in problems]
        _take_parent(body, self.values)
        self.roots = frozenset(self.values)

    def applied(self, document: Document) -> tuple[Document, list[Invalid]]:
        kept = {name: value for name, value in document.items() if name[:1] == "_"}
        numbers = {name: document[name] for name in self._counted if name in document}
        return {**kept, **numbers, **self.values}, []


class Changes(Revision):
    """A body of PUT or PATCH: whole top-level values, and places inside of them."""

    def __init__(self, plan: WritePlan, body: Mapping[str, Any], depth: int) -> None:
        self._plan = plan
        self._depth = depth
        self.invalid = []
        body = plan.read_names(body)
        dotted = {name: value for name, value in body.items() if "." in name}
        plain = {name: value for name, value in body.items() if name not in dotted}
        rules = Rules(strict=plan.collection.strict, partial=True, depth=depth)
        self.values, problems = plan.shape.coerce(plain, rules)
        self.invalid += [Invalid(path, sentence, code) for path, code, sentence in problems]
        _take_parent(body, self.values)
        self.inside = [at for name, value in dotted.items() if (at := self._at(name, value))]
        self.roots = frozenset(self.values) | {at.path[0] for at in self.inside}
        for at in self.inside:
            if at.path[0] in plain:
                raise BadRequest(
                    f"The body sets {at.path[0]!r} both as a whole and inside.",
                    hint="Send the whole value, or only dotted names.",
                )

    @property
    def relinks(self) -> bool:
        """Whether the body names a parent, be it the one that the document has."""
        return not self.roots.isdisjoint(PARENT_FIELDS)

    def applied(self, document: Document) -> tuple[Document, list[Invalid]]:
        changed = {**document, **self.values}
        invalid: list[Invalid] = []
        for at in self.inside:
            try:
                changed[at.path[0]] = _with(changed.get(at.path[0]), at.path[1:], at.value)
            except Mismatch as error:
                invalid.append(Invalid(".".join(at.path), str(error), "TYPE"))
        return changed, invalid

    def _at(self, key: str, value: Any) -> At | None:
        """The place that a dotted key means, None for one that is ignored or not valid."""
        if key[0] == "_":
            return None
        path = tuple(key.split("."))
        try:
            if len(path) > self._depth:
                raise Mismatch("The name leads too deep.")
            for name in path:
                check_key(name)
            field, rest = self._declared(path)
            if field is None:
                well_formed(value, self._depth - len(path))
            elif field.formula is not None or not field.is_stored:
                return None
            elif not rest:
                value = coerce(field, value)
            else:
                value = _element(field, rest, value, self._depth)
        except Mismatch as error:
            code = "REGEX" if isinstance(error, PatternMismatch) else "TYPE"
            self.invalid.append(Invalid(key, str(error), code))
            return None
        return At(path, value)

    def _declared(self, path: tuple[str, ...]) -> tuple[Field | None, tuple[str, ...]]:
        """The declared field that a path ends at or passes last, and the names after it.

        Positions in lists are not names. Raises ``Mismatch`` for an undeclared
        name where only declared ones are allowed.
        """
        found: Field | None = None
        fields: Mapping[str, Field] = self._plan.collection.by_name
        at_element = False
        for place, name in enumerate(path):
            if found is not None and found.is_list and not at_element and name.isdecimal():
                at_element = True
                continue
            if found is not None and found.type.name != "object":
                return found, path[place:]
            if name not in fields:
                if self._plan.collection.strict:
                    hint = did_you_mean(name, fields)
                    raise Mismatch(f"The collection has no field of this name.{hint}")
                return None, ()
            found = fields[name]
            fields = {each.name: each for each in found.fields}
            at_element = False
        return found, path[-1:] if at_element else ()


def _take_parent(body: Mapping[str, Any], values: Document) -> None:
    values.update({name: body[name] for name in PARENT_FIELDS if name in body})


def _element(field: Field, rest: tuple[str, ...], value: Any, depth: int) -> Any:
    """The stored form of one element of a list, or of a place inside free JSON."""
    if field.is_list and len(rest) == 1 and rest[0].isdecimal():
        elements = coerce(field, [value])
        return elements[0]
    if field.type.name == "JSON":
        well_formed(value, depth - len(rest))
        return value
    raise Mismatch(f"Inside of {field.path!r} nothing can be addressed: it is {field.type.name}.")


def _with(holder: Any, path: tuple[str, ...], value: Any) -> Any:
    """A copy of ``holder`` with ``value`` at ``path``; objects that lack are made.

    Raises ``Mismatch`` where a list has no such position or a scalar is in the way.
    """
    if not path:
        return value
    name, rest = path[0], path[1:]
    if holder is None:
        holder = {}
    if isinstance(holder, dict):
        return {**holder, name: _with(holder.get(name), rest, value)}
    if isinstance(holder, list):
        if not name.isdecimal() or len(name) > 9 or int(name) >= len(holder):
            raise Mismatch("The list has no such position; send the whole list to lengthen it.")
        place = int(name)
        return [*holder[:place], _with(holder[place], rest, value), *holder[place + 1 :]]
    raise Mismatch("What is stored there is neither an object nor a list.")
