"""Every mistake in the metadata of one collection, found in one pass."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from duetdb.schema_gen.field_check import FieldChecker
from duetdb.schema_gen.model import IdType
from duetdb.schema_gen.name_rules import collection_name_mistake, text_mistake
from duetdb.schema_gen.names import derived, free, is_collection_name, names_of
from duetdb.schema_gen.problem import Problem
from duetdb.schema_gen.suggest import did_you_mean

PROPERTIES = ("name", "description", "fields", "strict", "access", "graphqlName", "idType")
"""What a body may hold; ``system`` and ``_id``, which stored and described ones do, are ignored."""
_TOLERATED = ("system", "_id")
_ACCESS = ("read", "write", "private", "rules")
_RULE = ("role", "filter", "readable", "writable")

LONGEST_DESCRIPTION = 10_000
MOST_FIELDS = 1000
"""Fields of one collection, nested ones included."""
MOST_INDEXES = 50
"""Fields with an index of their own; MongoDB allows 64 indexes, some of which are ours."""


def check(
    definition: Any, known: Collection[str] | None, *, taken: Collection[str] = ()
) -> list[Problem]:
    """Every mistake in a metadata body, in the order of the body; empty if there is none.

    ``known`` are the collections that relations may point to, besides the
    collection itself; None leaves targets unchecked. ``taken`` are the GraphQL
    names that other collections claim (``names.claimed``).
    """
    if not isinstance(definition, Mapping):
        return [Problem("", "The metadata of a collection must be an object.")]
    problems: list[Problem] = []
    _properties(definition, (*PROPERTIES, *_TOLERATED), PROPERTIES, "", problems)
    mistake = collection_name_mistake(definition.get("name"))
    if mistake is not None:
        problems.append(Problem("name", mistake))
    _check_texts(definition, taken, problems)
    for name in ("strict", "system"):
        if not isinstance(definition.get(name), bool | None):
            problems.append(Problem(name, f"'{name}' must be true or false."))
    _check_fields(definition, known, problems)
    _check_access(definition.get("access"), problems)
    return problems


def _properties(
    body: Mapping[Any, Any],
    allowed: Collection[str],
    shown: Collection[str],
    prefix: str,
    problems: list[Problem],
) -> None:
    for key in body:
        if key not in allowed:
            hint = did_you_mean(str(key), shown)
            problems.append(
                Problem(
                    f"{prefix}{key}",
                    f"Unknown property {ascii(key)[:60]}.{hint} Allowed: {', '.join(shown)}.",
                )
            )


def _check_texts(
    definition: Mapping[str, Any], taken: Collection[str], problems: list[Problem]
) -> None:
    mistake = text_mistake(definition.get("description"), LONGEST_DESCRIPTION)
    if mistake is not None:
        problems.append(Problem("description", f"'description' {mistake}"))
    id_type = definition.get("idType")
    if id_type is not None and id_type not in list(IdType):
        problems.append(
            Problem("idType", f"'idType' must be one of: {', '.join(IdType)}; not {id_type!r}.")
        )
    graphql_name = definition.get("graphqlName")
    if graphql_name is None:
        return
    if not isinstance(graphql_name, str) or not is_collection_name(graphql_name):
        sentence = "'graphqlName' must be letters and digits beginning with a letter: BlogPosts."
        problems.append(Problem("graphqlName", sentence))
    elif not free(names_of(graphql_name), taken):
        others = sorted(derived(names_of(graphql_name)).intersection(taken))
        why = f"it collides with {', '.join(others[:5])}" if others else "it is reserved"
        problems.append(Problem("graphqlName", f"'{graphql_name}' cannot be used: {why}."))


def _check_fields(
    definition: Mapping[str, Any], known: Collection[str] | None, problems: list[Problem]
) -> None:
    fields = definition.get("fields")
    if fields is None:
        return
    if not isinstance(fields, list):
        problems.append(Problem("fields", "'fields' must be a list of objects."))
        return
    own = definition.get("name")
    targets = None if known is None else {*known, *([own] if isinstance(own, str) else [])}
    checker = FieldChecker(targets, problems)
    checker.check_all(fields)
    if checker.count > MOST_FIELDS:
        problems.append(Problem("fields", f"A collection may have at most {MOST_FIELDS} fields."))
    if checker.indexed > MOST_INDEXES:
        problems.append(
            Problem("fields", f"At most {MOST_INDEXES} fields may be unique, indexed or geo.")
        )


def _check_access(access: Any, problems: list[Problem]) -> None:
    if access is None:
        return
    if not isinstance(access, Mapping):
        problems.append(Problem("access", "'access' must be an object."))
        return
    _properties(access, _ACCESS, _ACCESS, "access.", problems)
    for name in ("read", "write"):
        _names(access.get(name), f"access.{name}", problems)
    if not isinstance(access.get("private"), bool | None):
        problems.append(Problem("access.private", "'private' must be true or false."))
    rules = access.get("rules")
    if rules is None:
        return
    if not isinstance(rules, list):
        problems.append(Problem("access.rules", "'rules' must be a list of objects."))
        return
    for index, rule in enumerate(rules):
        _check_rule(rule, f"access.rules[{index}]", problems)


def _check_rule(rule: Any, path: str, problems: list[Problem]) -> None:
    if not isinstance(rule, Mapping):
        problems.append(Problem(path, "A rule must be an object."))
        return
    _properties(rule, _RULE, _RULE, f"{path}.", problems)
    if not isinstance(rule.get("role"), str) or not rule["role"]:
        problems.append(Problem(f"{path}.role", "A rule must name its role."))
    if not isinstance(rule.get("filter"), Mapping | None):
        problems.append(Problem(f"{path}.filter", "'filter' must be a query object."))
    for name in ("readable", "writable"):
        _names(rule.get(name), f"{path}.{name}", problems)


def _names(value: Any, path: str, problems: list[Problem]) -> None:
    if value is not None and not (
        isinstance(value, list) and all(isinstance(each, str) and each for each in value)
    ):
        problems.append(Problem(path, f"'{path.rpartition('.')[2]}' must be a list of names."))
