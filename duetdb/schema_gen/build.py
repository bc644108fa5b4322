"""Builds the immutable ``Schema`` from all metadata, reusing what has not changed."""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

import orjson

from duetdb.schema_gen.field import Field
from duetdb.schema_gen.field_body import parse_fields
from duetdb.schema_gen.metadata import check, parse
from duetdb.schema_gen.model import Collection, GraphQLNames, IdType, Referrer, Schema
from duetdb.schema_gen.names import (
    RESERVED_FIELDS,
    choose,
    collection_names,
    field_names,
    is_collection_name,
    referrer_name,
)
from duetdb.schema_gen.suggest import did_you_mean
from duetdb.schema_gen.system import SYSTEM_DEFINITIONS, USERS


@dataclass(slots=True)
class _Draft:
    """One collection on its way: its checked metadata, then its fields, then itself."""

    definition: Mapping[str, Any]
    digest: str
    before: Collection | None
    """The collection in the previous schema, if its own metadata is the same."""
    targets: tuple[tuple[str, str], ...]
    """Path of the field and name of the target, for each relation."""
    fields: tuple[Field, ...] = ()


def build_schema(
    definitions: Mapping[str, Mapping[str, Any]],
    *,
    version: int,
    previous: Schema | None = None,
    users: str = USERS,
) -> Schema:
    """The schema of all collections: those in ``definitions``, by name, and the system ones.

    A collection whose metadata has mistakes, or that has a relation to one that
    is missing, is quarantined with the reasons and the others are built. A
    collection that is the same as in ``previous``, seen from both sides of its
    relations, is the identical object. The collection ``users``, where the records
    of users are, is a system collection as well. Raises nothing.
    """
    everything = {**SYSTEM_DEFINITIONS, **dict(sorted(definitions.items()))}
    drafts, quarantined = _drafts(everything, previous)
    _quarantine_dangling(drafts, everything, quarantined)
    names = collection_names({name: _wanted(draft) for name, draft in drafts.items()})
    id_types = {name: _id_type(each) for name, each in everything.items()}
    for draft in drafts.values():
        draft.fields = _fields(draft, id_types)
    referring, system = _referring(drafts), {*SYSTEM_DEFINITIONS, users}
    collections = {
        name: _collection(name, draft, names, referring.get(name, []), name in system)
        for name, draft in drafts.items()
    }
    return Schema(
        version=version,
        collections=MappingProxyType(collections),
        quarantined=MappingProxyType(quarantined),
    )


def assign_names(definition: Mapping[str, Any], taken: Names[str]) -> dict[str, Any]:
    """The definition with every ``graphqlName`` filled in that is not the plain name.

    ``taken`` is what other collections claim (``names.claimed``). Stored at
    creation, the names stay whatever is created later. The definition must be
    free of mistakes.
    """
    result = dict(definition)
    if result.get("graphqlName") is None:
        result["graphqlName"] = choose(result["name"], taken).type
    if result.get("fields"):
        result["fields"] = _with_names(result["fields"])
    return result


def _with_names(bodies: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    names = field_names((body["name"], body.get("graphqlName")) for body in bodies)
    result = []
    for body in bodies:
        named = dict(body)
        if names[body["name"]] != body["name"]:
            named["graphqlName"] = names[body["name"]]
        if named.get("fields"):
            named["fields"] = _with_names(named["fields"])
        result.append(named)
    return result


def _drafts(
    everything: Mapping[str, Any], previous: Schema | None
) -> tuple[dict[str, _Draft], dict[str, tuple[str, ...]]]:
    drafts: dict[str, _Draft] = {}
    quarantined: dict[str, tuple[str, ...]] = {}
    known = previous.collections if previous is not None else {}
    for name, body in everything.items():
        definition = {"name": name, **body} if isinstance(body, Mapping) else body
        digest = _digest_of(definition)
        before = known.get(name)
        if before is not None and _is_unchanged(definition, digest, before):
            targets = _targets(before.fields)
            drafts[name] = _Draft(definition, digest, before, targets)
            continue
        sentences = _mistakes(name, definition)
        if sentences:
            quarantined[name] = sentences
            continue
        fields = parse_fields(definition)
        drafts[name] = _Draft(definition, digest, None, _targets(fields), fields)
    return drafts, quarantined


def _is_unchanged(definition: Any, digest: str, before: Collection) -> bool:
    """Whether ``before`` was made from this; storing the name that it was given is no change."""
    if not before.fingerprint.startswith(digest):
        return False
    named = definition.get("graphqlName") if isinstance(definition, Mapping) else None
    return named is None or named == before.names.type


def _digest_of(definition: Any) -> str:
    if isinstance(definition, Mapping):
        definition = {key: value for key, value in definition.items() if key != "graphqlName"}
    return _digest(definition)


def _id_type(definition: Any) -> IdType:
    """What the ids of a collection are, if its metadata can be read that far."""
    wanted = definition.get("idType") if isinstance(definition, Mapping) else None
    return IdType(wanted) if wanted in tuple(IdType) else IdType.OBJECT_ID


def _mistakes(name: str, definition: Any) -> tuple[str, ...]:
    problems = check(definition, None)
    sentences = [f"{each.path}: {each.message}" if each.path else each.message for each in problems]
    if isinstance(definition, Mapping) and definition.get("name") != name:
        sentences.append(f"name: It must be {name!a}, the '_id' of the metadata document.")
    return tuple(sentences)


def _digest(definition: Any) -> str:
    try:
        text = orjson.dumps(definition, default=repr, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        text = repr(definition).encode(errors="backslashreplace")
    return blake2b(text, digest_size=12).hexdigest()


def _walk(fields: tuple[Field, ...]) -> list[Field]:
    return [each for field in fields for each in (field, *_walk(field.fields))]


def _targets(fields: tuple[Field, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (field.path, field.collection) for field in _walk(fields) if field.collection is not None
    )


def _quarantine_dangling(
    drafts: dict[str, _Draft], everything: Names[str], quarantined: dict[str, tuple[str, ...]]
) -> None:
    """Takes out collections with a relation to none at all.

    A target that is only quarantined is no fault of theirs: until it is
    repaired, the relation stays a list of ids.
    """
    for name, draft in list(drafts.items()):
        dangling = tuple(
            f"{path}: Its relation points to the collection {target!a}, which does not exist."
            f"{did_you_mean(target, everything)}"
            for path, target in draft.targets
            if target not in everything
        )
        if dangling:
            quarantined[name] = dangling
            del drafts[name]


def _wanted(draft: _Draft) -> str | None:
    chosen = draft.definition.get("graphqlName")
    return chosen if isinstance(chosen, str) and is_collection_name(chosen) else None


def _fields(draft: _Draft, id_types: Mapping[str, IdType]) -> tuple[Field, ...]:
    """The fields, from before where the ids that they refer to are still of the same type."""
    fields = draft.before.fields if draft.before is not None else draft.fields
    same = all(
        getattr(field.type, "id_type", None) is id_types[field.collection]
        for field in (_walk(fields) if draft.targets else ())
        if field.collection is not None
    )
    return fields if same else parse_fields(draft.definition, id_types)


def _referring(drafts: Mapping[str, _Draft]) -> dict[str, list[tuple[str, Field]]]:
    referring: dict[str, list[tuple[str, Field]]] = {}
    for name, draft in drafts.items():
        if draft.targets:
            for field in _walk(draft.fields):
                if field.collection is not None:
                    referring.setdefault(field.collection, []).append((name, field))
    return referring


def _collection(
    name: str,
    draft: _Draft,
    names: Mapping[str, GraphQLNames],
    referring: list[tuple[str, Field]],
    system: bool,
) -> Collection:
    referrers = _referrers(draft.fields, names, referring)
    fingerprint = f"{draft.digest}:{_context(draft, names[name], referrers)}"
    if draft.before is not None and draft.before.fingerprint == fingerprint:
        return draft.before
    return parse(
        draft.definition,
        names=names[name],
        fields=draft.fields,
        referrers=referrers,
        system=system,
        fingerprint=fingerprint,
    )


def _referrers(
    fields: tuple[Field, ...],
    names: Mapping[str, GraphQLNames],
    referring: list[tuple[str, Field]],
) -> tuple[Referrer, ...]:
    taken = {*RESERVED_FIELDS, *(field.graphql_name for field in fields)} if referring else set()
    found = []
    for collection, field in referring:
        graphql_name = referrer_name(names[collection].root, field, taken)
        taken.add(graphql_name)
        found.append(Referrer(collection=collection, field=field, graphql_name=graphql_name))
    return tuple(found)


def _context(draft: _Draft, names: GraphQLNames, referrers: tuple[Referrer, ...]) -> str:
    """What a collection depends on besides its own metadata, in a few characters."""
    ids = [str(getattr(f.type, "id_type", "")) for f in _walk(draft.fields) if f.collection]
    seen_from = [(each.collection, each.graphql_name, _traits(each.field)) for each in referrers]
    return _digest([names.root, names.type, ids, seen_from])


def _traits(field: Field) -> list[Any]:
    """All that a relation field may say, so that its target follows each of its changes."""
    target_ids = getattr(field.type, "id_type", None)
    return [
        *(field.path, field.graphql_name, field.relation, field.collection, target_ids),
        *(field.required, field.indexed, field.hidden, field.description),
        *(field.renamed_from, field.format),
    ]
