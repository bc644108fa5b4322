"""Proposes a collection's metadata from a sample of its documents, without any I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from duetdb.schema_gen import inference_validator as rules
from duetdb.schema_gen.inference_maps import is_map
from duetdb.schema_gen.inference_relations import References, Sample, hashable
from duetdb.schema_gen.inference_values import (
    dominant_kind,
    has_more_than_cents,
    is_empty,
    kind_of,
    looks_like_dates,
    moment_type,
    text_type,
)
from duetdb.schema_gen.model import IdType
from duetdb.schema_gen.name_rules import field_name_mistake

SAMPLE_SIZE: Final = 1000
"""How many documents callers sample: enough to see rare shapes, few enough for one round trip."""
FEW: Final = 20
MAX_DEPTH: Final = 7
MAX_FIELDS: Final = 300

_ID_TYPES: Final = {"id": IdType.OBJECT_ID, "text": IdType.STRING, "number": IdType.NUMBER}
_IDENTIFIER = re.compile(r"(?:^|.*[_-])(?:id|ID|Id)|.*[a-z](?:Id|ID)")

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proposal:
    """``definition`` is metadata as ``PUT /rest/<collection>/_meta`` takes it.

    ``unsure`` are sentences about what the sample could not settle, for a
    person to read before applying the definition.
    """

    definition: dict[str, Any]
    unsure: tuple[str, ...] = ()


def infer(
    name: str,
    documents: Iterable[Mapping[str, Any]],
    validator: Mapping[str, Any] | None = None,
    others: Mapping[str, Sample] | None = None,
) -> Proposal:
    """Proposes metadata for the collection ``name``.

    ``documents`` is a sample of stored documents (BSON values), bounded by the
    caller. ``validator`` is the collection's MongoDB validator, if it has one.
    ``others`` are samples of the collections that a relation may lead to.
    """
    sampled = list(documents)
    schema = rules.schema_of(validator)
    samples = {**(others or {})}
    samples.setdefault(name, Sample(sampled))
    run = _Inference(name, References(samples))
    if len(sampled) < FEW:
        few = "one document was" if len(sampled) == 1 else f"{len(sampled)} documents were"
        run.say(f"Only {few} sampled: more may show other types.")
    definition: dict[str, Any] = {"name": name}
    if (id_type := run.id_type(sampled)) is not IdType.OBJECT_ID:
        definition["idType"] = id_type.value
    if schema.get("additionalProperties") is False:
        definition["strict"] = True
    definition["fields"] = run.fields("", sampled, schema)
    return Proposal(definition, tuple(run.unsure))


def candidate_ids(documents: Iterable[Mapping[str, Any]], limit: int = 10_000) -> frozenset[Any]:
    """The values in a sample that may be ids of other documents, for a caller to look up.

    At most ``limit``: ObjectIds first, since a relation can be proved by them alone.
    """
    found = hashable(_leaves([v for d in documents for k, v in d.items() if k != "_id"]))
    ordered = sorted(found, key=lambda value: isinstance(value, str | int))
    return frozenset(ordered[:limit])


def _leaves(values: Iterable[Any]) -> Iterable[Any]:
    stack = list(values)
    while stack:
        match stack.pop():
            case Mapping() as parts:
                stack.extend(parts.values())
            case list() as parts:
                stack.extend(parts)
            case leaf:
                yield leaf


@dataclass(slots=True)
class _Inference:
    """One run: what it knows of other collections, and what it was unsure of."""

    collection: str
    references: References
    unsure: list[str] = field(default_factory=list)
    declared: int = 0

    def say(self, sentence: str) -> None:
        self.unsure.append(sentence)

    def id_type(self, documents: Sequence[Mapping[str, Any]]) -> IdType:
        ids = [document["_id"] for document in documents if "_id" in document]
        if not ids:
            return IdType.OBJECT_ID
        kind, kinds = dominant_kind(ids)
        common = kind or kinds.most_common(1)[0][0]
        if len(kinds) > 1 or common not in _ID_TYPES:
            self.say(
                f"'_id' is {_listed(kinds)}: only ids of one type, an ObjectId, a text or a whole "
                "number, can be addressed."
            )
        return _ID_TYPES.get(common, IdType.OBJECT_ID)

    def fields(
        self, prefix: str, objects: Sequence[Mapping[str, Any]], schema: Rule
    ) -> list[dict[str, Any]]:
        """The fields of a document or of a nested object, in order of first appearance."""
        stated, required = rules.properties(schema), rules.required(schema)
        values: dict[str, list[Any]] = {key: [] for key in stated}
        for each in objects:
            for key, value in each.items():
                values.setdefault(key, []).append(value)
        found = []
        for key, held in values.items():
            path = prefix + key
            if not self._declarable(path, key):
                continue
            spec = {"name": key, **self.field(path, held, stated.get(key, {}))}
            certain = spec.pop("certain", True)
            everywhere = len(held) == len(objects) and not any(map(is_empty, held))
            if certain and everywhere and (objects or key in required):
                spec["required"] = True
            elif key in required:
                self.say(f"The validator requires '{path}', but it is missing or empty somewhere.")
            found.append(spec)
        return found

    def _declarable(self, path: str, key: str) -> bool:
        if key.startswith("_"):
            return False
        self.declared += 1
        if self.declared == MAX_FIELDS + 1:
            self.say(f"There are more than {MAX_FIELDS} fields: the rest are not declared.")
        if mistake := field_name_mistake(key):
            self.say(f"{ascii(path)[:100]} cannot be declared: {mistake}")
            return False
        return self.declared <= MAX_FIELDS

    def field(self, path: str, values: Sequence[Any], rule: Rule) -> dict[str, Any]:
        """The definition of one field; ``certain: False`` in it means some values do not fit."""
        filled = [value for value in values if not is_empty(value)]
        kind, certain = self._kind(path, values, filled, rule)
        alike = [value for value in filled if _is_kind(value, kind)]
        spec = self._list(path, alike, rule) if kind == "list" else None
        if spec is None:
            spec = self._single(path, kind, alike, rule)
            if kind in ("text", "number"):
                self._note_identifier(path, alike)
        spec |= rules.extras(rule) if spec["type"] == "text" else _described(rule)
        return spec if certain else {**spec, "certain": False}

    def _kind(
        self, path: str, values: Sequence[Any], filled: Sequence[Any], rule: Rule
    ) -> tuple[str, bool]:
        """The kind to declare, and whether every filled value has it."""
        stated = rules.kind(rule) or ("text" if rules.options(rule) else None)
        if not filled:
            if stated:
                return stated, True
            if any(isinstance(value, str) for value in values):
                return "text", True
            self.say(f"'{path}' is empty in every sampled document: declared as JSON.")
            return "JSON", True
        kind, kinds = dominant_kind(filled)
        if stated == "float_number" and kind == "number":
            return stated, True
        if stated and kind and kind != stated and (stated, kind) != ("object", "geo"):
            self.say(f"The validator says '{path}' is {stated}, but it holds {_listed(kinds)}.")
        if kind is None:
            declared = stated or "JSON"
            self.say(f"'{path}' holds {_listed(kinds)}: declared as {declared}.")
            return declared, False
        if len(kinds) > 1:
            self.say(f"'{path}' holds {_listed(kinds)}: declared as {kind}; the rest do not fit.")
        return kind, len(kinds) == 1

    def _list(self, path: str, lists: Sequence[Any], rule: Rule) -> dict[str, Any] | None:
        """A list of one kind of elements; JSON when they are of several, or lists themselves."""
        elements = list(chain.from_iterable(lists))
        rule = rules.items(rule)
        filled = [element for element in elements if not is_empty(element)]
        kind, certain = self._kind(path, elements, filled, rule)
        if kind in ("JSON", "list") or not certain:
            return {"type": "JSON"}
        spec = self._single(path, kind, filled, rule, many=True)
        if spec["type"] == "JSON" or spec.get("relation"):
            return spec
        return {**spec, "multiple": True}

    def _single(
        self, path: str, kind: str, values: Sequence[Any], rule: Rule, many: bool = False
    ) -> dict[str, Any]:
        match kind:
            case "id" | "text" | "number" if relation := self._relation(path, kind, values, many):
                return relation
            case "text":
                return self._text(path, values, rule)
            case "object":
                return self._object(path, values, rule)
            case "datetime":
                return {"type": moment_type(values) if values else "datetime"}
            case "money" if has_more_than_cents(values):
                self.say(f"'{path}' holds amounts of more than two decimals; money keeps two.")
            case "number" | "float_number" | "money" | "bool" | "geo" | "JSON":
                pass
            case _:
                self.say(f"'{path}' holds {kind} values, for which there is no field type.")
                return {"type": "JSON"}
        return {"type": kind}

    def _text(self, path: str, values: Sequence[str], rule: Rule) -> dict[str, Any]:
        stated = rules.options(rule)
        if stated and set(values) <= set(stated):
            return {"type": "option", "options": list(stated)}
        spec = text_type(values)
        if spec["type"] == "option":
            count = len(spec["options"])
            self.say(f"'{path}' takes {count} values in the sample: as option it refuses others.")
        elif looks_like_dates(values):
            self.say(f"'{path}' holds dates as text: they stay text, and compare as text.")
        return spec

    def _object(self, path: str, values: Sequence[Mapping[str, Any]], rule: Rule) -> dict[str, Any]:
        if path.count(".") >= MAX_DEPTH:
            self.say(f"'{path}' is nested deeply: declared as JSON.")
            return {"type": "JSON"}
        if is_map(values):
            self.say(f"'{path}' is a map whose keys look like data: declared as JSON.")
            return {"type": "JSON"}
        fields = self.fields(f"{path}.", values, rule)
        return {"type": "object", "fields": fields} if fields else {"type": "JSON"}

    def _relation(
        self, path: str, kind: str, values: Sequence[Any], many: bool
    ) -> dict[str, Any] | None:
        name = path.rpartition(".")[2]
        if target := self.references.target(name, values):
            return {"type": target, "relation": "many" if many else "one"}
        own = (self.collection, path)
        column = self.references.column(own, values)
        if column and (many or not column.startswith(f"{self.collection}.")):
            self.say(
                f"'{path}' seems to refer to {column} and not to an _id, which relations follow: "
                f"declared as {kind}."
            )
        if kind != "id":
            return None
        self.say(f"'{path}' holds ids that are not all of one collection: declared as JSON.")
        return {"type": "JSON"}

    def _note_identifier(self, path: str, values: Sequence[Any]) -> None:
        if "." in path or len(values) < FEW or not _IDENTIFIER.fullmatch(path):
            return
        distinct = len(set(values))
        if distinct == len(values):
            self.say(
                f"'{path}' is different in all {distinct} sampled documents, which does not prove "
                "that it is unique: not declared unique."
            )
        elif distinct > len(values) / 2:
            twice = next(value for value in values if values.count(value) > 1)
            self.say(f"'{path}' is named like an identifier but is not unique: {twice!r} repeats.")


def _is_kind(value: Any, kind: str) -> bool:
    own = kind_of(value)
    return own == kind or (kind == "float_number" and own == "number")


def _described(rule: Rule) -> dict[str, Any]:
    found = rules.extras(rule)
    found.pop("regex", None)
    return found


def _listed(kinds: Mapping[str, int]) -> str:
    """``text (12), number (3)``, the most frequent first."""
    ordered = sorted(kinds.items(), key=lambda entry: -entry[1])
    return ", ".join(f"{kind} ({count})" for kind, count in ordered)
