"""OpenAPI 3.1 said in Swagger 2.0: the parts that our own descriptions use, and no others."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_REFERENCES = (
    ("#/components/schemas/", "#/definitions/"),
    ("#/components/parameters/", "#/parameters/"),
    ("#/components/responses/", "#/responses/"),
)
_DROPPED = frozenset(("patternProperties", "examples", "const"))


def downgraded_paths(paths: Json) -> Json:
    """Path items as Swagger 2.0 writes them."""
    return {path: _path_item(item) for path, item in paths.items()}


def downgraded_schemas(schemas: Json) -> Json:
    """Schemas as Swagger 2.0 writes them.

    What version 2 cannot say is left open: a value of several types has none
    there, and null is ``x-nullable``.
    """
    return {name: _schema(schema) for name, schema in schemas.items()}


def downgraded_parameters(parameters: Json) -> Json:
    return {name: _parameter(each) for name, each in parameters.items()}


def downgraded_responses(responses: Json) -> Json:
    return {status: _response(each) for status, each in responses.items()}


def _path_item(item: Json) -> Json:
    return {
        key: [_parameter(each) for each in value] if key == "parameters" else _operation(value)
        for key, value in item.items()
    }


def _operation(operation: Json) -> Json:
    shown = {key: value for key, value in operation.items() if key != "requestBody"}
    parameters = [_parameter(each) for each in operation.get("parameters", ())]
    sent = operation.get("requestBody")
    if sent:
        schema = _schema(sent["content"]["application/json"]["schema"])
        parameters.append(
            {"name": "body", "in": "body", "required": sent["required"], "schema": schema}
        )
    if parameters:
        shown["parameters"] = parameters
    shown["responses"] = downgraded_responses(operation["responses"])
    produced = operation["responses"].get("200", {}).get("content", {})
    if len(produced) > 1:
        shown["produces"] = list(produced)
    return shown


def _parameter(parameter: Json) -> Json:
    if "$ref" in parameter:
        return {"$ref": _reference(parameter["$ref"])}
    rest = {key: value for key, value in parameter.items() if key not in ("schema", "content")}
    if "content" in parameter:
        return {**rest, "type": "string"}
    schema = _schema(parameter["schema"])
    if schema.get("type") == "array":
        schema["collectionFormat"] = "multi"
    return {**rest, **schema}


def _response(response: Json) -> Json:
    if "$ref" in response:
        return {"$ref": _reference(response["$ref"])}
    schema = _schema(response["content"]["application/json"]["schema"])
    shown: Json = {"description": response["description"], "schema": schema}
    if "headers" in response:
        shown["headers"] = {name: {"type": "string"} for name in response["headers"]}
    return shown


def _schema(schema: Json) -> Json:
    if "$ref" in schema:
        return {"$ref": _reference(schema["$ref"])}
    shown = {key: value for key, value in schema.items() if key not in _DROPPED}
    kinds = shown.get("type")
    if isinstance(kinds, list):
        _one_type(shown, kinds)
    if "anyOf" in shown:
        shown |= _alternative(shown.pop("anyOf"))
    if "allOf" in shown:
        shown["allOf"] = [_schema(each) for each in shown["allOf"]]
    if "properties" in shown:
        shown["properties"] = {name: _schema(each) for name, each in shown["properties"].items()}
    if "items" in shown:
        shown["items"] = _schema(shown["items"])
    elif shown.get("type") == "array":
        shown["items"] = {}
    if isinstance(shown.get("additionalProperties"), dict):
        shown["additionalProperties"] = _schema(shown["additionalProperties"])
    return shown


def _one_type(shown: Json, kinds: list[str]) -> None:
    real = [kind for kind in kinds if kind != "null"]
    del shown["type"]
    if len(real) == 1:
        shown["type"] = real[0]
    if len(real) != len(kinds):
        shown["x-nullable"] = True


def _alternative(choices: list[Json]) -> Json:
    real = [each for each in choices if each != {"type": "null"}]
    shown = _schema(real[0]) if len(real) == 1 else {}
    if len(real) != len(choices):
        if "$ref" in shown:
            return {"x-nullable": True}
        shown["x-nullable"] = True
    return shown


def _reference(target: str) -> str:
    for new, old in _REFERENCES:
        if target.startswith(new):
            return old + target.removeprefix(new)
    return target
