"""What a caller wants metadata to be, checked as a whole before anything is touched."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from duetdb.app.service.errors import BadMetadata
from duetdb.app.service.schema.metadata_store import Definition
from duetdb.schema_gen.build import assign_names
from duetdb.schema_gen.metadata import check
from duetdb.schema_gen.model import Schema
from duetdb.schema_gen.names import claimed, derived, names_of
from duetdb.schema_gen.problem import Problem

_OUR_ADDITIONS: Final = ("system", "problems", "unsure", "_id")
"""What our answers add to a definition: a caller may send it back, and it means nothing."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One collection's metadata as a caller sent it.

    ``prefix`` is where it stands in the request's body: ``collections[2].``.
    """

    name: str
    body: Any
    prefix: str = ""

    def problem(self, path: str, message: str) -> Problem:
        return Problem(self.prefix + path, message)


def drafts_of(body: Any) -> tuple[Draft, ...]:
    """The drafts in the body of ``PUT /rest/_meta``; raises ``BadMetadata``."""
    listed = body.get("collections") if isinstance(body, Mapping) else body
    if not isinstance(listed, list):
        sentence = 'The body must be an object with a list: {"collections": [...]}.'
        raise BadMetadata([Problem("collections", sentence)])
    drafts: list[Draft] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for index, each in enumerate(listed):
        prefix = f"collections[{index}]."
        name = each.get("name") if isinstance(each, Mapping) else None
        if not isinstance(name, str):
            sentence = "Each collection must be an object with a name that is a string."
            problems.append(Problem(f"{prefix}name", sentence))
        elif name in seen:
            sentence = f"The name {name!r} is already used by collections[{seen[name]}]."
            problems.append(Problem(f"{prefix}name", sentence))
        else:
            seen[name] = index
            drafts.append(Draft(name, each, prefix))
    if problems:
        raise BadMetadata([*problems, *_mistakes(drafts, None)])
    return tuple(drafts)


def checked(
    drafts: Sequence[Draft], stored: Mapping[str, Definition], schema: Schema
) -> dict[str, Definition]:
    """The definitions to store, each with the GraphQL names that it keeps or is given.

    Raises ``BadMetadata`` with every mistake of every draft.
    """
    known = {*stored, *schema.collections, *(draft.name for draft in drafts)}
    problems = _mistakes(drafts, known, _taken(drafts, schema))
    if problems:
        raise BadMetadata(problems)
    taken = _taken(drafts, schema)
    definitions: dict[str, Definition] = {}
    for draft in sorted(drafts, key=lambda each: not _chosen(each, stored)):
        body = {**_without_additions(draft.body), "name": draft.name}
        body["graphqlName"] = _chosen(draft, stored)
        body["fields"] = _keep_names(
            body.get("fields") or [], stored.get(draft.name, {}).get("fields")
        )
        definitions[draft.name] = assign_names(body, taken)
        taken |= derived(names_of(definitions[draft.name]["graphqlName"]))
    return definitions


def field_position(definition: Definition, path: str) -> str:
    """Where the field of a stored path stands in a definition: ``fields[2].fields[0]``."""
    position = ""
    fields: Any = definition.get("fields", [])
    for name in path.split("."):
        for index, field in enumerate(fields):
            if field["name"] == name:
                position += f"{'.' if position else ''}fields[{index}]"
                fields = field.get("fields", [])
                break
    return position or path


def _mistakes(
    drafts: Sequence[Draft], known: Collection[str] | None, taken: Collection[str] = ()
) -> list[Problem]:
    problems: list[Problem] = []
    claims = set(taken)
    for draft in drafts:
        body = draft.body
        if isinstance(body, Mapping):
            named = body.get("name", draft.name)
            if named != draft.name:
                sentence = f"The name must be {draft.name!r}, as in the address, or left out."
                problems.append(draft.problem("name", sentence))
            body = {**_without_additions(body), "name": draft.name}
        found = check(body, known, taken=claims)
        problems.extend(draft.problem(each.path, each.message) for each in found)
        if not found and body.get("graphqlName"):
            claims |= derived(names_of(body["graphqlName"]))
    return problems


def _without_additions(body: Mapping[str, Any]) -> Definition:
    return {key: value for key, value in body.items() if key not in _OUR_ADDITIONS}


def _taken(drafts: Sequence[Draft], schema: Schema) -> set[str]:
    own = {draft.name for draft in drafts}
    others = (each.names for each in schema.collections.values() if each.name not in own)
    return claimed(others)


def _chosen(draft: Draft, stored: Mapping[str, Definition]) -> str | None:
    """The GraphQL name that the caller asks for, or that the collection has had so far."""
    found = draft.body.get("graphqlName") or stored.get(draft.name, {}).get("graphqlName")
    return found if isinstance(found, str) else None


def _keep_names(fields: Sequence[Mapping[str, Any]], before: Any) -> list[dict[str, Any]]:
    """The fields, those that had a GraphQL name of their own keeping it."""
    earlier = {
        each.get("name"): each
        for each in (before if isinstance(before, list) else ())
        if isinstance(each, Mapping)
    }
    kept: list[dict[str, Any]] = []
    for field in fields:
        old = earlier.get(field["name"], {})
        named = dict(field)
        if not named.get("graphqlName") and old.get("graphqlName"):
            named["graphqlName"] = old["graphqlName"]
        if named.get("fields"):
            named["fields"] = _keep_names(named["fields"], old.get("fields"))
        kept.append(named)
    return kept
