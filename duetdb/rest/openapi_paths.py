"""The OpenAPI operations of one collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from duetdb.app.service.encoding import dumps
from duetdb.rest.formats import FORMATS, JSON
from duetdb.rest.openapi_schemas import (
    Json,
    changes_schema,
    id_schema,
    input_schema,
    read_schema,
    reference,
)
from duetdb.schema_gen.field import Field
from duetdb.schema_gen.model import Collection

SHAPE = ("metafields", "fetchchildren", "fetchmediadata", "idtolink", "flatten")
ONE = ("h", *SHAPE)
GROUPS = ("groupby", "aggregate")
PAGE = ("q", "filter", "h", "sort", "dir", "skip", "max", "totals", "count", *GROUPS, *SHAPE)


@dataclass(frozen=True, slots=True)
class Fragment:
    """One collection's share of an API description, encoded, without the outer braces."""

    paths: bytes
    schemas: bytes


def encoded(paths: Json, schemas: Json) -> Fragment:
    return Fragment(dumps(paths)[1:-1], dumps(schemas)[1:-1])


def described(collection: Collection, sources: tuple[Collection, ...]) -> tuple[Json, Json]:
    """The paths and schemas of a collection; ``sources`` holds the targets of its relations."""
    targets = {each.name: each for each in sources}
    root = f"/rest/{quote(collection.name, safe='')}"
    tags = [collection.name]
    each = _Operations(collection, collection.names.root, tags)
    paths: Json = {
        root: {"get": each.page(), "post": each.create()},
        f"{root}.{{format}}": {"get": each.formatted()},
        f"{root}/*": {"patch": each.update_many(), "delete": each.delete_many()},
        f"{root}/{{id}}": {
            "parameters": [_path_id("id", collection)],
            **each.document(referenced=True),
        },
    }
    for field in collection.children:
        target = targets.get(field.collection or "")
        if target is not None:
            paths |= _child_paths(collection, field, target, root)
    name = collection.names.type
    schemas: Json = {
        name: read_schema(collection, targets),
        f"{name}.input": input_schema(collection),
        f"{name}.changes": changes_schema(collection),
    }
    return paths, schemas


def answer(description: str, schema: Json, headers: tuple[str, ...] = ()) -> Json:
    shown: Json = {
        "description": description,
        "content": {"application/json": {"schema": schema}},
    }
    if headers:
        shown["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    return shown


def responses(status: int, success: Json, *errors: int) -> Json:
    shown: Json = {str(status): success}
    for each in (400, 401, 403, 404, *errors):
        shown[str(each)] = {"$ref": f"#/components/responses/{each}"}
    shown["default"] = {"$ref": "#/components/responses/default"}
    return shown


def parameters(*names: str) -> list[Json]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def body(schema: Json, *, required: bool = True) -> Json:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


class _Operations:
    """The operations on a collection, or on one child list of another."""

    def __init__(self, collection: Collection, prefix: str, tags: list[str]) -> None:
        self._collection = collection
        self._prefix = prefix
        self._tags = tags
        self._item = reference(collection.names.type)

    def _operation(self, name: str, summary: str, **rest: Any) -> Json:
        return {
            "operationId": f"{self._prefix}.{name}",
            "summary": summary,
            "tags": self._tags,
            **rest,
        }

    def page(self) -> Json:
        success = answer(
            "The documents, or with totals or count an envelope.", self._page(), ("X-Pagination",)
        )
        return self._operation(
            "list",
            f"List {self._collection.name}",
            parameters=parameters(*PAGE, "explain"),
            responses=responses(200, success),
        )

    def formatted(self) -> Json:
        success = answer("The documents in the format that was asked for.", self._page())
        texts = (each.content_type.partition(";")[0] for each in FORMATS.values() if each != JSON)
        success["content"] |= {each: {"schema": {"type": "string"}} for each in texts}
        return self._operation(
            "listAs",
            f"List {self._collection.name} as JSON, markup, a script, CSV or NDJSON",
            parameters=parameters("format", *PAGE),
            responses=responses(200, success),
        )

    def _page(self) -> Json:
        documents = {"type": "array", "items": self._item}
        values = {"type": "array", "description": "With $distinct in q: the different values."}
        groups = {"type": "object", "description": "With groupby or aggregate: groups, figures."}
        found = [documents, values, groups]
        envelope = {
            "type": "object",
            "required": ["data", "totals"],
            "properties": {"data": {"anyOf": found}, "totals": reference("duet.Totals")},
        }
        return {"anyOf": [*found, envelope]}

    def create(self) -> Json:
        one = reference(f"{self._collection.names.type}.input")
        either = {"anyOf": [self._item, {"type": "array", "items": self._item}]}
        success = answer("What is stored, an array if an array was sent.", either, ("ETag",))
        return self._operation(
            "create",
            f"Insert one document into {self._collection.name}, or an array of them",
            parameters=parameters("validate", "metafields"),
            requestBody=body({"anyOf": [one, {"type": "array", "items": one}]}),
            responses=responses(201, success, 413),
        )

    def update_many(self) -> Json:
        success = answer("How many documents were changed.", reference("duet.Updated"))
        return self._operation(
            "updateMany",
            f"Change every document of {self._collection.name} that q selects",
            parameters=parameters("selection"),
            requestBody=self._changes(),
            responses=responses(200, success, 413),
        )

    def delete_many(self) -> Json:
        ids = {"type": "array", "items": id_schema(self._collection)}
        success = answer("The ids of what was deleted.", reference("duet.Deleted"))
        return self._operation(
            "deleteMany",
            f"Delete documents of {self._collection.name} by the ids in the body, or by q",
            parameters=parameters("q"),
            requestBody=body(ids, required=False),
            responses=responses(200, success, 413),
        )

    def document(self, *, referenced: bool = False) -> Json:
        name = self._collection.name
        found = {"anyOf": [self._item, {"type": "array", "items": {"type": "object"}}]}
        extra = ("referencedby",) if referenced else ()
        read = answer("The document.", found if referenced else self._item, ("ETag",))
        written = answer("The whole document after the change.", self._item, ("ETag",))
        deleted = answer("The id of what was deleted.", reference("duet.Deleted"))
        change: Json = {
            "parameters": parameters("metafields", "If-Match"),
            "requestBody": self._changes(),
            "responses": responses(200, written, 412, 413),
        }
        return {
            "get": self._operation(
                "get",
                f"Read a document of {name}",
                parameters=parameters(*ONE, *extra),
                responses=responses(200, read),
            ),
            "put": self._operation("put", f"Set properties of a document of {name}", **change),
            "patch": self._operation("patch", f"Set properties of a document of {name}", **change),
            "delete": self._operation(
                "delete",
                f"Delete a document of {name}",
                parameters=parameters("If-Match"),
                responses=responses(200, deleted, 412),
            ),
        }

    def _changes(self) -> Json:
        properties = reference(f"{self._collection.names.type}.changes")
        return body({"allOf": [properties, reference("duet.Operators")]})


def _child_paths(collection: Collection, field: Field, target: Collection, root: str) -> Json:
    prefix = f"{collection.names.root}.{field.graphql_name}"
    each = _Operations(target, prefix, [collection.name])
    path = f"{root}/{{id}}/{quote(field.name, safe='')}"
    above = _path_id("id", collection)
    return {
        path: {"parameters": [above], "get": each.page(), "post": each.create()},
        f"{path}.{{format}}": {"parameters": [above], "get": each.formatted()},
        f"{path}/{{childId}}": {
            "parameters": [above, _path_id("childId", target)],
            **each.document(),
        },
    }


def _path_id(name: str, collection: Collection) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": id_schema(collection)}
