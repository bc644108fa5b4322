"""Renames under which rules would decide by a name that nothing has any more.

Whoever may reach a document is said by filters that the operator wrote, and one
that asks for no more than ``{"draft": {"$ne": true}}`` holds for every document
once the values of ``draft`` have another name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from duetdb.app.service.access.document_filter import sampled
from duetdb.app.service.access.key_permissions import KeyPermissions
from duetdb.app.service.errors import BadMetadata, BadRequest
from duetdb.app.service.keys.web_key import WebKey
from duetdb.app.service.query import And, Filter, Match, Not, Or, Related
from duetdb.app.service.schema.drafts import Draft, field_position
from duetdb.schema_gen.metadata import describe
from duetdb.schema_gen.model import Collection, Schema
from duetdb.schema_gen.problem import Problem

Asked: TypeAlias = tuple[str, str]
"""The name of a collection, and a path in its documents without positions."""


def refuse_renames(
    drafts: Sequence[Draft], before: Schema, after: Schema, keys: Iterable[WebKey]
) -> None:
    """Raises ``BadMetadata`` for new renames of what a rule or a key asks by.

    A filter that asks by the new name as well was written with the rename in mind.
    """
    problems: list[Problem] = []
    asking = [(whose, frozenset(asked)) for whose, asked in _filters(after, keys)]
    for draft in drafts:
        collection, old = after.collections[draft.name], before.collections.get(draft.name)
        for new, former in collection.former.items():
            if old is not None and old.former.get(new) == former:
                continue
            position = f"{field_position(describe(collection), new)}.renamedFrom"
            problems += [
                draft.problem(position, f"{whose} asks by {former!r}, which would find nothing.")
                for whose, asked in asking
                if _is_in(asked, draft.name, former) and not _is_in(asked, draft.name, new)
            ]
    if problems:
        hint = "Let it ask by the new name too: a rule in the same request, a key before it."
        raise BadMetadata(problems, hint=hint)


def _is_in(asked: Iterable[Asked], collection: str, path: str) -> bool:
    return any(
        name == collection and (each == path or each.startswith(f"{path}.")) for name, each in asked
    )


def _filters(schema: Schema, keys: Iterable[WebKey]) -> Iterator[tuple[str, Iterable[Asked]]]:
    """Every filter that decides on rights: whose it is, and what it asks by."""
    limited = {key: key.filter for key in keys if key.filter}
    for name, collection in schema.collections.items():
        for rule in collection.access.get("rules") or ():
            if rule.get("filter"):
                found = _asked(rule["filter"], collection, schema)
                yield f"The rule of {rule['role']!r} in {name!r}", found
        for key, q in limited.items():
            if KeyPermissions(key).rights(collection).methods:
                yield f"The filter of the key {key.id}", _asked(q, collection, schema)


def _asked(q: Mapping[str, Any], collection: Collection, schema: Schema) -> Iterable[Asked]:
    try:
        return list(_paths(sampled(q, collection, schema), collection, ""))
    except BadRequest:
        return ()  # it opens nothing


def _paths(filter: Filter, collection: Collection, base: str) -> Iterator[Asked]:
    if isinstance(filter, And | Or):
        for part in filter.parts:
            yield from _paths(part, collection, base)
    elif isinstance(filter, Not):
        yield from _paths(filter.part, collection, base)
    elif isinstance(filter, Match | Related):
        path = ".".join(each for each in f"{base}.{filter.path}".split(".") if not each.isdigit())
        path = path.strip(".")
        yield collection.name, path
        if isinstance(filter, Related):
            yield from _paths(filter.filter, filter.target, "")
        elif filter.operator == "elemMatch":
            yield from _paths(filter.value, collection, path)
