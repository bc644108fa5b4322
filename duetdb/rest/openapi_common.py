"""What every API description holds: parameters, errors, schema administration."""

from __future__ import annotations

from typing import Any

from duetdb.app.service.writing.operations import MEANINGS
from duetdb.rest.formats import FORMATS
from duetdb.rest.openapi_paths import answer, body, parameters, responses
from duetdb.rest.openapi_schemas import Json, reference

SECURITY: list[dict[str, list[str]]] = [{"key": []}, {"keyInQuery": []}, {"token": []}]

_ERRORS = {
    "400": "The request cannot be understood, or its values break the schema.",
    "401": "No key was presented.",
    "403": "The key may not do that.",
    "404": "There is no such collection, document or child list.",
    "412": "The document has changed since the version in If-Match.",
    "413": "The body is too large.",
    "default": "Any other error.",
}


def _response(code: str, description: str) -> Json:
    return answer(description, reference("duet.Error"))


def _query(name: str, description: str, schema: Json, **more: Any) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema, **more}


def _json(name: str, description: str, schema: Json) -> Json:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "content": {"application/json": {"schema": schema}},
    }


def _flag(name: str, description: str) -> Json:
    return _query(name, description, {"type": "boolean"})


_TEXT: Json = {"type": ["string", "null"]}
_PIXELS: Json = {"type": ["integer", "null"], "description": "In pixels, of pictures."}
_FILE: Json = {
    "type": "object",
    "description": "With fetchmediadata=true, what is known of a file.",
    "required": ["_id"],
    "properties": {
        "_id": {"type": "string", "pattern": "^[0-9a-f]{24}$"},
        "_created": {"type": ["string", "null"], "format": "date-time"},
        "_createdby": _TEXT,
        "app": {"type": "string", "description": "The name of the database."},
        "origname": {**_TEXT, "description": "The name that it was uploaded under."},
        "file": {**_TEXT, "description": "The name that it is stored under."},
        "mediatype": _TEXT,
        "exif": {"type": ["object", "null"]},
        "filesize": {"type": ["integer", "null"], "description": "In bytes."},
        "width": _PIXELS,
        "height": _PIXELS,
    },
}
_ON_OFF: Json = {"enum": [0, 1, True, False]}
_HINTS: Json = {
    "type": "object",
    "properties": {
        "$fields": {
            "type": "object",
            "description": 'Fields to show, {"name":1}, or to leave out, {"notes":0}.',
            "properties": {"_id": {"enum": [1, True]}},
            "additionalProperties": _ON_OFF,
        },
        "$orderby": {"type": "object", "additionalProperties": {"enum": [1, -1]}},
        "$max": {"type": "integer"},
        "$skip": {"type": "integer"},
        "$groupby": {"type": "array", "items": {"type": "string"}},
        "$aggregate": {"type": "array", "items": {"type": "string"}},
        "$aggregate-grand-total": {"type": "boolean"},
    },
}

COMPONENTS: Json = {
    "securitySchemes": {
        "key": {"type": "apiKey", "in": "header", "name": "x-apikey"},
        "keyInQuery": {"type": "apiKey", "in": "query", "name": "apikey"},
        "token": {
            "type": "apiKey",
            "in": "header",
            "name": "authorization",
            "description": "The token of a user, as Bearer <token>.",
        },
    },
    "parameters": {
        "q": _json("q", 'A query such as {"age":{"$gt":30}}.', {"type": "object"}),
        "selection": {
            **_json("q", "Which documents; {} is all of them.", {"type": "object"}),
            "required": True,
        },
        "format": {
            "name": "format",
            "in": "path",
            "required": True,
            "description": "csv and ndjson are streams: all that matches, unless max is given.",
            "schema": {"type": "string", "enum": sorted(FORMATS)},
        },
        "filter": _query(
            "filter", "Beginnings of words that documents must hold.", {"type": "string"}
        ),
        "h": _json("h", "Hints; they override the parameters of the same meaning.", _HINTS),
        "sort": _query(
            "sort", "Fields to order by.", {"type": "array", "items": {"type": "string"}}
        ),
        "dir": _query(
            "dir",
            "For each sort field 1, ascending, or -1, descending.",
            {"type": "array", "items": {"type": "integer", "enum": [1, -1]}},
        ),
        "skip": _query("skip", "Documents to pass over.", {"type": "integer", "minimum": 0}),
        "max": _query("max", "Documents in the answer.", {"type": "integer", "minimum": 1}),
        "totals": _flag("totals", "Wrap the documents in an envelope with the total."),
        "count": _flag("count", "Answer the envelope without documents."),
        "groupby": _query(
            "groupby",
            "Fields to group by, or of dates $YEAR:field, $DATE.YYYY-MM:field.",
            {"type": "array", "items": {"type": "string"}},
        ),
        "aggregate": _query(
            "aggregate",
            "Figures: COUNT:label, SUM:field, AVG:field, MIN:field and MAX:field.",
            {"type": "array", "items": {"type": "string"}},
        ),
        "explain": _flag("explain", "Answer how the database finds it; with the full key."),
        "metafields": _flag("metafields", "Show all system fields."),
        "fetchchildren": _flag("fetchchildren", "Put the child lists in their fields."),
        "fetchmediadata": _flag("fetchmediadata", "Put metadata in place of the ids of files."),
        "idtolink": _flag("idtolink", "Put addresses in place of related documents and media ids."),
        "flatten": _flag("flatten", "Repeat deep properties at the root: address_city."),
        "referencedby": _flag("referencedby", "Answer the documents that refer to this one."),
        "validate": _query(
            "validate",
            "false inserts without the checks of required, type and pattern.",
            {"type": "boolean", "default": True},
        ),
        "If-Match": {
            "name": "If-Match",
            "in": "header",
            "description": "The ETag that the document must still have.",
            "schema": {"type": "string"},
        },
        "drop": _flag("drop", "Delete the documents too."),
        "apply": _flag("apply", "Apply what is proposed."),
    },
    "headers": {
        "X-Pagination": {
            "description": "JSON: count, skip and max of this page, and total with totals=true.",
            "schema": {"type": "string"},
        },
        "ETag": {"description": "The document's version.", "schema": {"type": "string"}},
    },
    "responses": {code: _response(code, text) for code, text in _ERRORS.items()},
    "schemas": {
        "duet.Error": {
            "type": "object",
            "required": ["name", "message", "status"],
            "properties": {
                "name": {"type": "string"},
                "message": {"type": "string"},
                "status": {"type": "integer"},
                "hint": {"type": "string", "description": "What to do next."},
                "list": {
                    "type": "array",
                    "description": "Every value at fault, in ValidationError and BadMetadata.",
                    "items": reference("duet.Fault"),
                },
            },
        },
        "duet.Fault": {
            "type": "object",
            "required": ["field", "message"],
            "properties": {
                "field": {"type": "string"},
                "message": {
                    "type": "array",
                    "description": "A sentence and a code.",
                    "items": {"type": "string"},
                    "minItems": 2,
                    "maxItems": 2,
                },
                "index": {"type": "integer", "description": "The position in an array."},
            },
        },
        "duet.Totals": {
            "type": "object",
            "required": ["total", "count", "skip", "max"],
            "properties": {name: {"type": "integer"} for name in ("total", "count", "skip", "max")},
        },
        "duet.Link": {
            "type": "string",
            "format": "uri",
            "description": "With idtolink=true, the address in place of an id or a document.",
        },
        "duet.File": _FILE,
        "duet.Deleted": {
            "type": "object",
            "required": ["result"],
            "properties": {"result": {"type": "array", "items": {"type": ["string", "number"]}}},
        },
        "duet.Operators": {
            "type": "object",
            "description": "Changes in place, by field or dotted path; beside plain properties.",
            "properties": {
                f"${name}": {"type": "object", "description": meaning}
                for name, meaning in MEANINGS.items()
            },
        },
        "duet.Updated": {
            "type": "object",
            "required": ["matched", "modified", "failed"],
            "properties": {
                "matched": {"type": "integer"},
                "modified": {"type": "integer"},
                "failed": {
                    "type": "array",
                    "description": "Those that matched and could not be changed, and why.",
                    "items": {
                        "type": "object",
                        "required": ["_id", "message"],
                        "properties": {
                            "_id": {"type": ["string", "number"]},
                            "message": {"type": "string"},
                        },
                    },
                },
            },
        },
        "duet.Collection": {
            "type": "object",
            "description": "The metadata of one collection.",
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "description": {"type": "string"},
                "fields": {"type": "array", "items": reference("duet.Field")},
                "strict": {"type": "boolean"},
                "access": {"type": "object"},
                "graphqlName": {"type": "string"},
            },
        },
        "duet.Field": {
            "type": "object",
            "required": ["name", "type"],
            "properties": {"name": {"type": "string"}, "type": {"type": "string"}},
        },
        "duet.Database": {
            "type": "object",
            "required": ["collections"],
            "properties": {
                "name": {"type": "string"},
                "collections": {"type": "array", "items": reference("duet.Collection")},
            },
        },
    },
}


def _administration(name: str, summary: str, success: Json, **rest: Any) -> Json:
    return {
        "operationId": f"schema.{name}",
        "summary": summary,
        "tags": ["schema"],
        "responses": responses(200, success),
        **rest,
    }


_ONE = answer("The metadata.", reference("duet.Collection"))
_ALL = answer("The metadata of every collection.", reference("duet.Database"))
_PROPOSAL = answer("What is proposed, and what is unsure.", {"type": "object"})
_COLLECTION: Json = {
    "name": "collection",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
}

SCHEMA_PATHS: Json = {
    "/rest/_meta": {
        "get": _administration("getAll", "Read all metadata", _ALL),
        "put": _administration(
            "putAll",
            "Apply the metadata of the whole database, all or nothing",
            _ALL,
            requestBody=body(reference("duet.Database")),
        ),
    },
    "/rest/_meta/infer": {
        "post": _administration(
            "inferAll",
            "Propose metadata for every collection that has none",
            _PROPOSAL,
            parameters=parameters("apply"),
        )
    },
    "/rest/{collection}/_meta": {
        "parameters": [_COLLECTION],
        "get": _administration("get", "Read the metadata of a collection", _ONE),
        "put": _administration(
            "put",
            "Create or change a collection",
            _ONE,
            requestBody=body(reference("duet.Collection")),
        ),
        "delete": _administration(
            "delete",
            "Remove the metadata of a collection",
            answer("Its name.", reference("duet.Deleted")),
            parameters=parameters("drop"),
        ),
    },
    "/rest/{collection}/_meta/infer": {
        "parameters": [_COLLECTION],
        "post": _administration(
            "infer",
            "Propose metadata from the documents of a collection",
            _PROPOSAL,
            parameters=parameters("apply"),
        ),
    },
}
