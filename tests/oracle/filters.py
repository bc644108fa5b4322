"""Which documents a filter selects (SPEC 7.1 to 7.3), with MongoDB's meaning of each operator."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.oracle.operands import stored
from tests.oracle.paths import compared, split, values
from tests.oracle.values import MISSING, Json, comparable, key, same
from tests.oracle.world import Target, World, is_list


@dataclass(frozen=True)
class Subject:
    """What a condition is about: ``path`` in any of ``documents``.

    Behind a relation those are the related documents, and ``alone`` says that
    none is stored: then the condition is about nothing, as about null.
    """

    documents: Sequence[Any]
    path: Sequence[str]
    target: Target
    alone: bool = False
    lists: Sequence[Sequence[str]] = ()

    @property
    def by_element(self) -> list[Subject]:
        """The same condition for each document, and each element of the innermost declared list."""
        alone: list[Subject] = [Subject((), (), self.target, True)] if self.alone else []
        if not self.lists:
            return [*alone, *(replace(self, documents=[d], alone=False) for d in self.documents)]
        path = self.lists[-1]
        rest = self.path[len(path) :]
        found = [each for document in self.documents for each in values(document, path)]
        elements = [each for value in found if isinstance(value, list) for each in value]
        kind = Subject if rest else Element
        return [*alone, *(kind([each], rest, self.target) for each in elements)]

    @property
    def values(self) -> list[Any]:
        return [value for each in self.documents for value in values(each, self.path)]

    @property
    def compared(self) -> list[Any]:
        found = [value for each in self.documents for value in compared(each, self.path)]
        return [*found, MISSING] if self.alone else found

    @property
    def elements(self) -> list[Any]:
        return [each for value in self.values if isinstance(value, list) for each in value]


@dataclass(frozen=True)
class Filter:
    """A filter on the documents of the collection ``name``.

    ``prefix`` is the way to the object that the filter's paths begin in, and
    ``base`` its names from the root of a document on.
    """

    world: World
    name: str
    prefix: tuple[str, ...] = ()
    base: tuple[str, ...] = ()

    def matches(self, q: Mapping[str, Any], document: Any) -> bool:
        """Whether all conditions hold."""
        return all(
            self._logical(name, condition, document)
            if name.startswith("$")
            else self._field(name, condition, document)
            for name, condition in q.items()
        )

    def _logical(self, operator: str, given: Any, document: Any) -> bool:
        if operator == "$not":
            return not self.matches(given, document)
        found = [self.matches(each, document) for each in given]
        return all(found) if operator == "$and" else any(found) is (operator == "$or")

    def _field(self, path: str, condition: Any, document: Any) -> bool:
        target = self.world.target(self.name, split(path), self.base)
        if target.relation is None:
            return self._holds(self._subject(target, document), condition)
        related = self.world.related(self._below(target), document)
        there = Filter(self.world, target.relation)
        if target.rest:
            rest = self.world.target(target.relation, target.rest)
            stored_ids = self._subject(target, document)
            nothing = any(each in (None, [], MISSING) for each in stored_ids.compared)
            subject = Subject(related, rest.stored, rest, nothing, rest.lists)
            return there._holds(subject, condition)
        if is_part(condition) and set(condition) != {"_id"}:
            return any(there.matches(condition, each) for each in related)
        if isinstance(condition, dict) and "$elemMatch" in condition:
            return any(there.matches(condition["$elemMatch"], each) for each in related)
        return self._holds(self._subject(target, document), condition)

    def _below(self, target: Target) -> Target:
        return Target((*self.prefix, *target.stored), target.names, target.declared)

    def _subject(self, target: Target, document: Any) -> Subject:
        lists = [(*self.prefix, *each) for each in target.lists]
        return Subject([document], (*self.prefix, *target.stored), target, lists=lists)

    def _holds(self, subject: Subject, condition: Any) -> bool:
        if not is_operators(condition):
            return self._equals(subject, condition)
        return all(
            self._operator(subject, name, operand, condition)
            for name, operand in condition.items()
            if name != "$options"
        )

    def _operator(self, subject: Subject, name: str, operand: Any, condition: Json) -> bool:
        if name == "$not" and is_operators(operand):
            return not self._holds(subject, operand)
        if name in ("$not", "$ne"):
            return not self._equals(subject, operand)
        if name == "$eq":
            return self._equals(subject, operand)
        if name == "$elemMatch":
            return self._any_element(subject, operand)
        if name == "$regex":
            return _found(operand, condition.get("$options", ""), subject.compared)
        if name != "$size" and name != "$exists":
            operand = stored(operand, subject.target, self.world.now)
        return _OPERATORS[name](subject, operand)

    def _equals(self, subject: Subject, operand: Any) -> bool:
        if is_part(operand) and subject.target.relation is None:
            return any(self._has_part(subject, each, operand) for each in subject.documents)
        return _in(subject, [stored(operand, subject.target, self.world.now)])

    def _has_part(self, subject: Subject, document: Any, part: Json) -> bool:
        """An object holds the part, by itself or as an element of a list (SPEC 7.1).

        What the metadata declares as a list, or as one object, is looked at as that.
        """
        names, declared = subject.target.names, subject.target.declared
        plain = Filter(self.world, self.name, tuple(subject.path), names)
        if declared is not None and "fields" in declared and not is_list(declared):
            return plain.matches(part, document)
        inner = Filter(self.world, self.name, (), names)
        lists = [each for each in values(document, subject.path) if isinstance(each, list)]
        elements = [each for found in lists for each in found if _is_inner(each)]
        if elements or (declared is not None and "fields" in declared):
            return any(inner.matches(part, _as_object(each)) for each in elements)
        return plain.matches(part, document)

    def _any_element(self, subject: Subject, condition: Json) -> bool:
        names = subject.target.names
        if any(name not in _LOGICAL or name == "$not" for name in condition if name[0] == "$"):
            element = Target((), names, subject.target.declared)
            return any(
                self._holds(Element([each], (), element), condition) for each in subject.elements
            )
        inner = Filter(self.world, self.name, (), names)
        found = [_as_object(each) for each in subject.elements if _is_inner(each)]
        return any(inner.matches(condition, each) for each in found)


class Element(Subject):
    """One element of a list: conditions are about it, and not about elements of its own."""

    @property
    def compared(self) -> list[Any]:
        return list(self.documents)


_LOGICAL = ("$and", "$or", "$nor", "$not")


def is_operators(condition: Any) -> bool:
    return isinstance(condition, dict) and any(
        name.startswith("$") and name != "$date" for name in condition
    )


def is_part(condition: Any) -> bool:
    """Whether the condition is an object to be found in what is stored."""
    named = isinstance(condition, dict) and bool(condition)
    return named and not any(name.startswith("$") for name in condition)


def _is_inner(value: Any) -> bool:
    return isinstance(value, dict | list)


def _as_object(element: Any) -> Json:
    """What ``$elemMatch`` looks into: a list inside of a list has positions for names."""
    if isinstance(element, dict):
        return element
    return {str(position): each for position, each in enumerate(element)}


def _found(pattern: str, options: str, compared: Sequence[Any]) -> bool:
    """A search anywhere in a text; ``/ab/i`` carries its options."""
    slashed = re.fullmatch(r"/(.*)/([imsx]*)", pattern)
    if slashed:
        pattern, options = slashed[1], slashed[2] + options
    flags = re.IGNORECASE if "i" in options else 0
    return any(isinstance(each, str) and re.search(pattern, each, flags) for each in compared)


def _in(subject: Subject, wanted: Sequence[Any]) -> bool:
    return any(same(found, each) for found in subject.compared for each in wanted)


def _order(holds: Callable[[Any, Any], bool]) -> Callable[[Subject, Any], bool]:
    def compare(subject: Subject, operand: Any) -> bool:
        return any(
            comparable(each, operand) and holds(key(each), key(operand))
            for each in subject.compared
        )

    return compare


_gte = _order(lambda found, bound: found >= bound)
_lte = _order(lambda found, bound: found <= bound)


def _between(subject: Subject, bounds: Sequence[Any]) -> bool:
    """Both bounds hold; where the metadata says that there is a list, for the same element."""
    low, high = bounds
    return any(_gte(each, low) and _lte(each, high) for each in subject.by_element)


def _size(subject: Subject, wanted: Any) -> bool:
    """The number of elements: a number, or a comparison with one."""
    lengths = [len(each) for each in subject.values if isinstance(each, list)]
    if not isinstance(wanted, dict):
        return wanted in lengths
    return any(
        all(_LENGTHS[name](length, operand) for name, operand in wanted.items())
        for length in lengths
    )


_LENGTHS: Mapping[str, Callable[[int, Any], bool]] = {
    "$eq": lambda length, wanted: length == wanted,
    "$ne": lambda length, wanted: length != wanted,
    "$gt": lambda length, wanted: length > wanted,
    "$gte": lambda length, wanted: length >= wanted,
    "$lt": lambda length, wanted: length < wanted,
    "$lte": lambda length, wanted: length <= wanted,
    "$in": lambda length, wanted: length in wanted,
    "$nin": lambda length, wanted: length not in wanted,
    "$bt": lambda length, wanted: wanted[0] <= length <= wanted[1],
}

_OPERATORS: Mapping[str, Callable[[Subject, Any], bool]] = {
    "$gt": _order(lambda found, bound: found > bound),
    "$gte": _gte,
    "$lt": _order(lambda found, bound: found < bound),
    "$lte": _lte,
    "$bt": _between,
    "$in": _in,
    "$nin": lambda subject, wanted: not _in(subject, wanted),
    "$all": lambda subject, all_: bool(all_) and all(_in(subject, [each]) for each in all_),
    "$size": _size,
    "$exists": lambda subject, wanted: (
        any(each is not MISSING for each in subject.values) is wanted
    ),
}
