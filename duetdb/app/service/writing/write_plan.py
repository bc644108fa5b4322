"""What a writer needs to know of a collection, worked out once and kept until it changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from duetdb.app.service.errors import BadRequest
from duetdb.app.service.query import Document, Operation
from duetdb.app.service.stored_names import under_new_names
from duetdb.app.service.tokens import Tokenizer
from duetdb.schema_gen.field import Field, Mismatch
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.shape import coerce

_CENT = Decimal("0.01")


class WritePlan:
    """The fields of one collection, sorted by what a write has to do for them."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.shape = collection.shape
        self.tokenizer = Tokenizer(collection)
        self.computed = _in_order(f for f in collection.all_fields if f.formula is not None)
        self.derived = frozenset(f.path.split(".")[0] for f in self.computed)
        if self.tokenizer:
            self.derived |= {"_keywords", "_tags"}
        self.formula_roots = frozenset(
            path.split(".")[0]
            for field in self.computed
            for path in (field.path, *(field.formula.names if field.formula else ()))
        )
        self.counted = tuple(f for f in collection.all_fields if f.auto_increment)
        self.counted_roots = frozenset(f.path.split(".")[0] for f in self.counted)
        self.unique = any(f.unique for f in collection.all_fields)
        linking = (*collection.relations, *collection.media)
        self.linking_roots = frozenset(f.path.split(".")[0] for f in linking)
        # A name that another field has taken since is that field's.
        self.renamed = {
            f.renamed_from: f.name
            for f in collection.fields
            if f.renamed_from and f.renamed_from not in collection.by_name
        }
        self.moving_roots = frozenset(
            path.split(".")[0] for pair in collection.former.items() for path in pair
        )
        self.old_names = {new: old for old, new in self.renamed.items()}
        required = [f for f in collection.all_fields if _is_required(f)]
        self.required = frozenset(f.name for f in required if f.path == f.name)
        self.required_inside = frozenset(f.path.split(".")[0] for f in required if "." in f.path)

    def read_names(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body under the names that the schema has now.

        Raises ``BadRequest`` for a name that begins with ``$``.
        """
        for name in body:
            if name[:1] == "$":
                raise BadRequest(
                    f"{name[:100]!r} cannot be the name of a property.",
                    hint="Names do not begin with '$'; update operators are for changes.",
                )
        if self.renamed.keys().isdisjoint(body):
            return body
        named = {name: value for name, value in body.items() if name not in self.renamed}
        for old, new in self.renamed.items():
            if old in body:
                named.setdefault(new, body[old])
        return named

    def read_operation(self, operation: Operation) -> Operation:
        """The operation on the names that the schema has now."""
        if not self.renamed:
            return operation
        value = operation.value
        if operation.operator == "rename" and isinstance(value, str):
            value = self._new_name(value)
        return Operation(operation.operator, self._new_name(operation.path), value)

    def _new_name(self, path: str) -> str:
        root, dot, rest = path.partition(".")
        return self.renamed.get(root, root) + dot + rest

    def as_named(self, document: Document) -> Document:
        """A stored document under the names that the schema has now; it may share parts."""
        if not self.collection.former:
            return document
        named = dict(document)
        under_new_names([named], self.collection)
        return named

    def compute(self, document: Document) -> None:
        """Evaluates the formulas over a stored document; one without a value is left out."""
        for field in self.computed:
            *inside, name = field.path.split(".")
            holder: Any = document
            for each in inside:
                holder = holder.get(each) if isinstance(holder, dict) else None
            if isinstance(holder, dict):
                value = _evaluated(field, document)
                if value is None:
                    holder.pop(name, None)
                else:
                    holder[name] = value


class WritePlans:
    """One plan for each whole collection, remade when that is another object.

    What is stored follows from the whole of it, whoever writes.
    """

    def __init__(self) -> None:
        self._plans: dict[str, WritePlan] = {}

    def of(self, collection: Collection) -> WritePlan:
        collection = collection.whole
        plan = self._plans.get(collection.name)
        if plan is None or plan.collection is not collection:
            plan = self._plans[collection.name] = WritePlan(collection)
        return plan


def _is_required(field: Field) -> bool:
    return field.required and field.is_stored and field.formula is None and not field.auto_increment


def _evaluated(field: Field, document: Document) -> Any:
    assert field.formula is not None
    value: Any = field.formula.evaluate(document)
    if isinstance(value, Decimal):
        if field.type.text:
            value = format(value.normalize(), "f") if value else "0"
        elif field.type.name == "money":
            value = value.quantize(_CENT, ROUND_HALF_UP)
    try:
        return None if value is None else coerce(field, value)
    except (Mismatch, ArithmeticError):
        return None


def _in_order(fields: Iterable[Field]) -> tuple[Field, ...]:
    """Computed fields, each after those that its formula reads; a circle stays as declared."""
    waiting = list(fields)
    ordered: list[Field] = []
    while waiting:
        paths = {each.path for each in waiting}
        free = [f for f in waiting if f.formula and not paths & (set(f.formula.names) - {f.path})]
        free = free or waiting
        ordered.extend(free)
        waiting = [f for f in waiting if f not in free]
    return tuple(ordered)
