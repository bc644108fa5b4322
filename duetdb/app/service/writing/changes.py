"""The body of an update in stored form, and what it makes of the stored document."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from duetdb.app.service.errors import Invalid
from duetdb.app.service.query import Document, Operation
from duetdb.app.service.system_fields import PARENT_FIELDS
from duetdb.app.service.writing.applying import apply
from duetdb.app.service.writing.edits import EditReader, paths_of
from duetdb.app.service.writing.operations import check_apart
from duetdb.app.service.writing.places import Draft, standing_at, value_at
from duetdb.app.service.writing.write_plan import WritePlan
from duetdb.schema_gen.field import Mismatch, PatternMismatch
from duetdb.schema_gen.shape import Rules


class Revision(ABC):
    """What an update makes of a document.

    Everything that can be judged without the stored document is judged when it
    is made: ``invalid`` holds what is wrong; REQUIRED inside of new values only
    where ``whole`` says that nothing stored becomes a part of them. ``roots`` are
    the top-level fields that it touches, ``values`` the new ones among them.
    """

    roots: frozenset[str]
    values: Document
    invalid: list[Invalid]

    @abstractmethod
    def applied(self, document: Document) -> tuple[Document, list[Invalid]]:
        """A changed copy of the document, and what is wrong only on this document."""

    @abstractmethod
    def brought(self, changed: Document) -> Iterator[Document]:
        """The values that the document did not have, each at its place in a document of its own.

        References among them must lead somewhere; those that were there already
        may have been left behind by a deletion.
        """


class Replacement(Revision):
    """A new whole document; the system fields stay, and numbers that were assigned."""

    def __init__(
        self, plan: WritePlan, body: Mapping[str, Any], depth: int, *, whole: bool = True
    ) -> None:
        self._counted = tuple(f.name for f in plan.counted if f.name == f.path)
        body = plan.read_names(body)
        rules = Rules(strict=plan.collection.strict, depth=depth, required=whole)
        self.values, problems = plan.shape.coerce(body, rules)
        self.invalid = [Invalid(path, sentence, code) for path, code, sentence in problems]
        _take_parent(body, self.values)
        self.roots = frozenset(self.values)

    def applied(self, document: Document) -> tuple[Document, list[Invalid]]:
        kept = {name: value for name, value in document.items() if name[:1] == "_"}
        numbers = {name: document[name] for name in self._counted if name in document}
        return {**kept, **numbers, **self.values}, []

    def brought(self, changed: Document) -> Iterator[Document]:
        yield self.values


class Changes(Revision):
    """A body of PUT or PATCH: whole top-level values, and edits of what is stored.

    A dotted name in the body is a value to be set inside, and so one edit more.
    """

    def __init__(
        self,
        plan: WritePlan,
        body: Mapping[str, Any],
        depth: int,
        operations: Sequence[Operation] = (),
        *,
        whole: bool = True,
    ) -> None:
        operations = [plan.read_operation(each) for each in operations]
        body = plan.read_names(body)
        if operations or any("." in name for name in body):
            check_apart(body, operations)
        everything = [*operations, *(Operation("set", *each) for each in body.items())]
        plain = {each.path: each.value for each in everything if _is_plain(each)}
        strict = plan.collection.strict
        self._rules = Rules(strict=strict, partial=True, depth=depth, required=whole)
        self.values, problems = plan.shape.coerce(plain, self._rules)
        self.invalid = [Invalid(path, sentence, code) for path, code, sentence in problems]
        _take_parent(plain, self.values)
        reader = EditReader(plan.collection, self._rules)
        found = [reader.read(each) for each in everything if not _is_plain(each)]
        self.edits = [each for each in found if each is not None]
        self.invalid += reader.invalid
        edited = {path[0] for each in self.edits for path in paths_of(each)}
        self.roots = frozenset(self.values) | edited

    @property
    def relinks(self) -> bool:
        """Whether the body names a parent, be it the one that the document has."""
        return not self.roots.isdisjoint(PARENT_FIELDS)

    def applied(self, document: Document) -> tuple[Document, list[Invalid]]:
        draft = Draft({**document, **self.values})
        invalid: list[Invalid] = []
        for edit in self.edits:
            try:
                apply(edit, draft, self._rules)
            except Mismatch as error:
                code = "REGEX" if isinstance(error, PatternMismatch) else "TYPE"
                invalid.append(Invalid(".".join(edit.place.path), str(error), code))
        return draft.document, invalid

    def brought(self, changed: Document) -> Iterator[Document]:
        yield self.values
        for edit in self.edits:
            if edit.operator in _BRINGING:
                yield standing_at(edit.place.path, edit.operand)
            elif edit.operator == "rename":
                path = edit.operand.path
                yield standing_at(path, value_at(changed, path) or None)


_BRINGING = frozenset({"set", "push", "addToSet"})
"""The operators whose operand may hold references."""


def _is_plain(operation: Operation) -> bool:
    return operation.operator == "set" and "." not in operation.path


def _take_parent(body: Mapping[str, Any], values: Document) -> None:
    values.update({name: body[name] for name in PARENT_FIELDS if name in body})
