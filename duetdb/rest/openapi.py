"""The OpenAPI 3.1 and Swagger 2.0 documents, put together from each collection's share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from duetdb.app.service.encoding import dumps
from duetdb.rest.openapi_common import COMPONENTS, SCHEMA_PATHS, SECURITY
from duetdb.rest.openapi_keys import KEY_PATHS, KEY_SCHEMAS
from duetdb.rest.openapi_paths import Fragment
from duetdb.rest.plans import RestPart
from duetdb.rest.swagger import (
    downgraded_parameters,
    downgraded_paths,
    downgraded_responses,
    downgraded_schemas,
)

Json = dict[str, Any]

_PATHS: Json = {**SCHEMA_PATHS, **KEY_PATHS}
_SCHEMAS: Json = {**COMPONENTS["schemas"], **KEY_SCHEMAS}

_ABOUT = (
    "Generated from the metadata of each collection. The key goes into the header x-apikey. "
    "Every unsuccessful answer is a JSON object with name, message and status."
)


def openapi_document(part: RestPart) -> bytes:
    """The OpenAPI 3.1 description of this schema version; made once, off the event loop."""
    if "openapi" not in part.documents:
        head: Json = {
            "openapi": "3.1.0",
            "info": _info(part),
            "servers": [{"url": "/"}],
            "security": SECURITY,
            "tags": _tags(part),
        }
        components = {key: value for key, value in COMPONENTS.items() if key != "schemas"}
        common = (_PATHS, _SCHEMAS)
        paths, schemas = _joined(common, (plan.openapi for plan in part.plans.values()))
        tail = b'"components":{%b,"schemas":{%b}}' % (_inside(components), schemas)
        part.documents["openapi"] = _whole(head, paths, tail)
    return part.documents["openapi"]


def swagger_document(part: RestPart) -> bytes:
    """The same as Swagger 2.0, for the clients that know nothing newer (SPEC 10.3)."""
    if "swagger" not in part.documents:
        head: Json = {
            "swagger": "2.0",
            "info": _info(part),
            "basePath": "/",
            "consumes": ["application/json"],
            "produces": ["application/json"],
            "security": SECURITY,
            "tags": _tags(part),
            "securityDefinitions": COMPONENTS["securitySchemes"],
            "parameters": downgraded_parameters(COMPONENTS["parameters"]),
            "responses": downgraded_responses(COMPONENTS["responses"]),
        }
        common = (downgraded_paths(_PATHS), downgraded_schemas(_SCHEMAS))
        paths, schemas = _joined(common, (plan.swagger for plan in part.plans.values()))
        part.documents["swagger"] = _whole(head, paths, b'"definitions":{%b}' % schemas)
    return part.documents["swagger"]


def _info(part: RestPart) -> Json:
    return {"title": "DuetDB", "version": str(part.schema.version), "description": _ABOUT}


def _tags(part: RestPart) -> list[Json]:
    return [
        {"name": name, "description": plan.collection.description}
        for name, plan in part.plans.items()
    ]


def _joined(common: tuple[Json, Json], fragments: Iterable[Fragment]) -> tuple[bytes, bytes]:
    """All paths and all schemas; the pieces are encoded already, so this only copies bytes."""
    pieces = list(fragments)
    paths = (_inside(common[0]), *(each.paths for each in pieces))
    schemas = (_inside(common[1]), *(each.schemas for each in pieces))
    return b",".join(paths), b",".join(schemas)


def _whole(head: Json, paths: bytes, tail: bytes) -> bytes:
    return b'{%b,"paths":{%b},%b}' % (_inside(head), paths, tail)


def _inside(value: Json) -> bytes:
    return dumps(value)[1:-1]
