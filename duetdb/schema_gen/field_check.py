"""Every mistake in the fields of a metadata body, each with its path and what is allowed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from duetdb.schema_gen.field import Mismatch, Relation
from duetdb.schema_gen.field_body import parse_bodies
from duetdb.schema_gen.fields.patterns import PatternError, compile_pattern
from duetdb.schema_gen.fields.registry import FIELD_TYPES
from duetdb.schema_gen.formula_check import formula_mistakes
from duetdb.schema_gen.name_rules import field_name_mistake, text_mistake
from duetdb.schema_gen.names import RESERVED_FIELDS, is_field_name
from duetdb.schema_gen.problem import Problem
from duetdb.schema_gen.shape import coerce
from duetdb.schema_gen.suggest import did_you_mean

_BOOLS = ("required", "unique", "multiple", "autoIncrement", "indexed", "hidden", "searchable")
_TEXTS = {"description": 10_000, "regex": 500, "format": 100, "formula": 1000, "renamedFrom": 100}
PROPERTIES = (
    *("name", "type", "description", "required", "unique", "default", "regex", "options"),
    *("multiple", "format", "formula", "autoIncrement", "collection", "relation", "indexed"),
    *("hidden", "searchable", "renamedFrom", "fields", "graphqlName"),
)
"""What the body of a field may hold."""

RELATION_TYPE = "relation"
PATTERNED = ("text", "email", "html")
"""The types that ``regex`` is for."""
COMPUTED = ("float_number", "money", "text", "number")
"""The types that ``formula`` is for."""
_NOT_FOR_RELATIONS = ("unique", "default", "regex", "options", "multiple", "formula", "fields")
_NOT_FOR_CHILDREN = ("required", "indexed", "searchable")

DEEPEST = 8
"""Levels of objects in objects."""
MOST_OPTIONS = 1000
LONGEST_OPTION = 200


class FieldChecker:
    """Collects the mistakes of one collection's fields; ``targets`` None leaves relations be."""

    def __init__(self, targets: Collection[str] | None, problems: list[Problem]) -> None:
        self.targets = targets
        self.problems = problems
        self.count = 0
        self.indexed = 0

    def check_all(
        self, bodies: list[Any], path: str = "fields", depth: int = 0, in_list: bool = False
    ) -> None:
        """Checks the fields of one level and everything below."""
        self.count += len(bodies)
        fields: list[tuple[str, Mapping[str, Any]]] = []
        for index, body in enumerate(bodies):
            at = f"{path}[{index}]"
            if not isinstance(body, Mapping):
                self._report(at, "A field must be an object with at least 'name' and 'type'.")
                continue
            given = {key: value for key, value in body.items() if value is not None}
            fields.append((at, given))
            self._check_one(at, given, depth, in_list)
        self._check_names(fields)
        if depth == 0:
            self.problems.extend(formula_mistakes(fields))

    def _report(self, path: str, sentence: str) -> None:
        self.problems.append(Problem(path, sentence))

    def _check_one(self, at: str, body: Mapping[str, Any], depth: int, in_list: bool) -> None:
        before = len(self.problems)
        for key in body:
            if key not in PROPERTIES:
                hint = did_you_mean(str(key), PROPERTIES)
                allowed = f"Allowed: {', '.join(PROPERTIES)}."
                self._report(f"{at}.{key}", f"Unknown property {ascii(key)[:60]}.{hint} {allowed}")
        self._check_kinds(at, body)
        if "relation" in body:
            self._check_relation(at, body, depth)
        elif self._check_type(at, body):
            self._check_typed(at, body, depth, in_list)
            if "default" in body and len(self.problems) == before:
                self._check_default(at, body)
        indexed = body.get("unique") or body.get("indexed") or body.get("type") == "geo"
        self.indexed += bool(indexed)

    def _check_kinds(self, at: str, body: Mapping[str, Any]) -> None:
        """The JSON type of each property."""
        mistake = field_name_mistake(body.get("name"))
        if mistake is not None:
            self._report(f"{at}.name", mistake)
        for key in _BOOLS:
            if not isinstance(body.get(key, False), bool):
                self._report(f"{at}.{key}", f"'{key}' must be true or false.")
        for key, longest in _TEXTS.items():
            if key in body and (mistake := text_mistake(body[key], longest)) is not None:
                self._report(f"{at}.{key}", f"'{key}' {mistake}")
        graphql_name = body.get("graphqlName")
        if graphql_name is None:
            return
        if not isinstance(graphql_name, str) or not is_field_name(graphql_name):
            sentence = "'graphqlName' must match [_A-Za-z][_0-9A-Za-z]* and not begin with '__'."
            self._report(f"{at}.graphqlName", sentence)
        elif graphql_name in RESERVED_FIELDS:
            self._report(f"{at}.graphqlName", f"'{graphql_name}' is reserved; choose another name.")

    def _check_type(self, at: str, body: Mapping[str, Any]) -> bool:
        kind = body.get("type")
        if isinstance(kind, str) and kind in FIELD_TYPES:
            if "collection" in body:
                self._report(f"{at}.collection", "'collection' is only for fields with 'relation'.")
            return True
        allowed = f"Allowed: {', '.join(FIELD_TYPES)}."
        if kind is None:
            self._report(f"{at}.type", f"The field needs a 'type'. {allowed}")
        elif not isinstance(kind, str):
            self._report(f"{at}.type", f"'type' must be a string. {allowed}")
        elif kind == RELATION_TYPE or (self.targets is not None and kind in self.targets):
            sentence = f"A relation to a collection needs 'relation': {', '.join(Relation)}."
            self._report(f"{at}.relation", sentence)
        else:
            hint = did_you_mean(kind, FIELD_TYPES)
            self._report(f"{at}.type", f"Unknown type {ascii(kind)[:60]}.{hint} {allowed}")
        return False

    def _check_relation(self, at: str, body: Mapping[str, Any], depth: int) -> None:
        relation, kind = body["relation"], body.get("type")
        if not isinstance(relation, str) or relation not in list(Relation):
            hint = did_you_mean(relation, Relation) if isinstance(relation, str) else ""
            sentence = f"'relation' must be one of: {', '.join(Relation)}.{hint}"
            self._report(f"{at}.relation", sentence)
        target = body.get("collection", kind)
        if kind is None:
            self._report(f"{at}.type", "The field needs a 'type': the target collection's name.")
        elif kind not in (RELATION_TYPE, target):
            sentence = f"The 'type' of a relation is its collection's name or '{RELATION_TYPE}'."
            self._report(f"{at}.type", sentence)
        self._check_target(at, target)
        child = relation == Relation.CHILD
        if child and depth:
            self._report(f"{at}.relation", "A child list cannot be inside of an object.")
        for key in (*_NOT_FOR_RELATIONS, *(_NOT_FOR_CHILDREN if child else ())):
            if body.get(key, False) is not False:
                what = "child lists" if child else "relations"
                self._report(f"{at}.{key}", f"'{key}' is not possible for {what}.")
        if body.get("autoIncrement"):
            self._report(f"{at}.autoIncrement", "'autoIncrement' is only for the type number.")

    def _check_target(self, at: str, target: Any) -> None:
        if target is None:
            return
        if not isinstance(target, str):
            self._report(f"{at}.collection", "'collection' must be the name of a collection.")
        elif self.targets is not None and target not in self.targets:
            hint = did_you_mean(target, self.targets)
            sentence = f"There is no collection {ascii(target)[:120]}.{hint}"
            self._report(f"{at}.collection", f"{sentence} Create it first or in the same request.")

    def _check_typed(self, at: str, body: Mapping[str, Any], depth: int, in_list: bool) -> None:
        """What depends on the type of a field that is not a relation."""
        name = body["type"]
        kind = FIELD_TYPES[name]
        multiple = body.get("multiple") is True
        if body.get("unique") is True:
            if not kind.unique:
                primary = ", ".join(n for n, each in FIELD_TYPES.items() if each.unique)
                self._report(f"{at}.unique", f"'unique' is only for the types {primary}.")
            elif multiple or in_list:
                self._report(f"{at}.unique", "'unique' is not possible for values in a list.")
        if "regex" in body:
            self._check_regex(at, body["regex"], name)
        if body.get("searchable") is True and not kind.text:
            texts = ", ".join(n for n, each in FIELD_TYPES.items() if each.text)
            self._report(f"{at}.searchable", f"'searchable' is only for the types {texts}.")
        if body.get("autoIncrement") is True and (name != "number" or multiple or depth):
            sentence = "'autoIncrement' is only for single fields of type number, not in objects."
            self._report(f"{at}.autoIncrement", sentence)
        self._check_options(at, body, name)
        self._check_formula(at, body, name, depth)
        self._check_nested(at, body, depth, in_list or multiple)

    def _check_regex(self, at: str, regex: Any, name: str) -> None:
        if name not in PATTERNED:
            self._report(f"{at}.regex", f"'regex' is only for the types {', '.join(PATTERNED)}.")
        if isinstance(regex, str) and len(regex) <= _TEXTS["regex"]:
            try:
                compile_pattern(regex)
            except (PatternError, OverflowError, RecursionError) as error:
                self._report(f"{at}.regex", f"The regular expression cannot be read: {error}.")

    def _check_options(self, at: str, body: Mapping[str, Any], name: str) -> None:
        options = body.get("options")
        path = f"{at}.options"
        if name != "option":
            if options is not None and options != []:
                self._report(path, "'options' is only for the type option.")
            return
        if not isinstance(options, list) or not options:
            self._report(path, "The type option needs 'options', a list of strings.")
            return
        if len(options) > MOST_OPTIONS:
            self._report(path, f"'options' may have at most {MOST_OPTIONS} entries.")
        seen: set[str] = set()
        for index, each in enumerate(options):
            mistake = text_mistake(each, LONGEST_OPTION)
            if mistake is not None or not each:
                self._report(f"{path}[{index}]", f"An option {mistake or 'must not be empty.'}")
            elif each in seen:
                self._report(f"{path}[{index}]", f"The option {each!a} is there twice.")
            else:
                seen.add(each)

    def _check_formula(self, at: str, body: Mapping[str, Any], name: str, depth: int) -> None:
        if "formula" not in body:
            return
        path = f"{at}.formula"
        if name not in COMPUTED or body.get("multiple") is True:
            self._report(path, f"'formula' is only for single {', '.join(COMPUTED)} fields.")
        if depth:
            self._report(path, "A computed field cannot be inside of an object.")
        for key in ("default", "autoIncrement"):
            if key in body and body[key] is not False:
                self._report(f"{at}.{key}", f"'{key}' is not possible beside 'formula'.")

    def _check_nested(self, at: str, body: Mapping[str, Any], depth: int, in_list: bool) -> None:
        fields = body.get("fields")
        path = f"{at}.fields"
        if body["type"] != "object":
            if fields is not None and fields != []:
                self._report(path, "'fields' is only for the type object.")
        elif not isinstance(fields, list) or not fields:
            sentence = "The type object needs 'fields', a list of fields; else use the type JSON."
            self._report(path, sentence)
        elif depth >= DEEPEST:
            self._report(path, f"Objects may be nested {DEEPEST} levels deep; use the type JSON.")
        else:
            self.check_all(fields, path, depth + 1, in_list)

    def _check_default(self, at: str, body: Mapping[str, Any]) -> None:
        """Only for a body without other mistakes: it has to be parsed."""
        (field,) = parse_bodies([body])
        try:
            coerce(field, body["default"])
        except Mismatch as error:
            self._report(f"{at}.default", f"The default does not fit the field: {error}")

    def _check_names(self, fields: list[tuple[str, Mapping[str, Any]]]) -> None:
        """What the fields of one level must not have in common."""
        names = [body["name"] for _, body in fields if isinstance(body.get("name"), str)]
        for key in ("name", "graphqlName", "renamedFrom"):
            seen: dict[str, str] = {}
            for at, body in fields:
                value = body.get(key)
                if not isinstance(value, str):
                    continue
                if value in seen:
                    sentence = f"{ascii(value)[:120]} is also the '{key}' of {seen[value]}."
                    self._report(f"{at}.{key}", sentence)
                seen.setdefault(value, at)
        for at, body in fields:
            before = body.get("renamedFrom")
            if before is None or not isinstance(before, str):
                continue
            if before in names:
                sentence = f"There is still a field {ascii(before)[:120]}; a rename frees its name."
                self._report(f"{at}.renamedFrom", sentence)
            elif (mistake := field_name_mistake(before)) is not None:
                self._report(f"{at}.renamedFrom", mistake)
