"""The administration of keys and the audit, as the API descriptions show them."""

from __future__ import annotations

from typing import Any

from duetdb.app.service.keys.web_key import METHODS
from duetdb.rest.openapi_paths import answer, body, parameters, responses
from duetdb.rest.openapi_schemas import Json, reference


def _texts(description: str, example: str) -> Json:
    return {
        "type": "array",
        "description": description,
        "items": {"type": "string", "examples": [example]},
    }


_RIGHTS: Json = {
    "description": {"type": "string"},
    "origins": _texts("Sites whose pages may use it.", "https://app.example"),
    "methods": {"type": "array", "items": {"enum": list(METHODS)}},
    "paths": _texts("What it may reach below /rest.", "/posts/**"),
    "realtime": _texts("Events that it may hear of.", "POST:posts"),
    "filter": {
        "type": ["object", "null"],
        "description": "What every document must match, as in the parameter q.",
        "additionalProperties": True,
        "examples": [{"public": True}],
    },
    "readable": _texts("Fields that it may read; none: all that are not hidden.", "title"),
    "writable": _texts("Fields that it may write; none: all that it may read.", "title"),
    "expires": {
        "type": ["string", "null"],
        "format": "date-time",
        "examples": ["2090-01-01T00:00:00.000Z"],
    },
    "rate": {"type": ["number", "null"], "description": "Requests a second."},
}
_TEXT: Json = {"type": "string"}
_INSTANT: Json = {"type": "string", "format": "date-time"}

KEY_SCHEMAS: Json = {
    "duet.WebKey.input": {
        "type": "object",
        "description": "What a web key may do; null is the default.",
        "properties": _RIGHTS,
        "additionalProperties": False,
    },
    "duet.WebKey": {
        "type": "object",
        "required": ["_id"],
        "properties": {
            "_id": _TEXT,
            "prefix": _TEXT,
            **_RIGHTS,
            "created": _INSTANT,
            "changed": _INSTANT,
            "key": {**_TEXT, "description": "The key itself, in the answer that made it."},
        },
    },
    "duet.AuditEntry": {
        "type": "object",
        "required": ["time", "kind", "action", "reason", "principal", "address", "request"],
        "properties": {
            "time": _INSTANT,
            "kind": {"enum": ["done", "refused"]},
            **dict.fromkeys(("action", "reason", "principal", "address", "request"), _TEXT),
            "count": {"type": "integer"},
        },
    },
}


def _operation(name: str, summary: str, status: int, success: Json, **rest: Any) -> Json:
    return {
        "operationId": f"keys.{name}",
        "summary": summary,
        "tags": ["keys"],
        "responses": responses(status, success),
        **rest,
    }


_KEY = answer("The web key.", reference("duet.WebKey"))
_SENT = body(reference("duet.WebKey.input"))
_ID: list[Json] = [{"name": "key", "in": "path", "required": True, "schema": _TEXT}]

KEY_PATHS: Json = {
    "/rest/_keys": {
        "get": _operation(
            "list",
            "List the web keys",
            200,
            answer("Without the keys.", {"type": "array", "items": reference("duet.WebKey")}),
            parameters=parameters("skip", "max"),
        ),
        "post": _operation("create", "Make a web key", 201, _KEY, requestBody=_SENT),
    },
    "/rest/_keys/{key}": {
        "parameters": _ID,
        "get": _operation("get", "Read a web key", 200, _KEY),
        "patch": _operation("update", "Change what the body names", 200, _KEY, requestBody=_SENT),
        "delete": _operation(
            "revoke", "Revoke a web key", 200, answer("Its id.", reference("duet.Deleted"))
        ),
    },
    "/rest/_keys/{key}/reset": {
        "parameters": _ID,
        "post": _operation(
            "reset", "Put a new key in place of one, with the same rights", 201, _KEY
        ),
    },
    "/rest/_audit": {
        "get": _operation(
            "audit",
            "Who was refused what, and who administered what",
            200,
            answer(
                "The newest first, or with dir=1 the oldest.",
                {"type": "array", "items": reference("duet.AuditEntry")},
            ),
            parameters=parameters("skip", "max", "dir"),
        ),
    },
}
