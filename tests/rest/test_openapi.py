"""The API descriptions: valid, and true of every operation that they document."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator, ValidationError
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.rest.conftest import insert

Json = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
LAST = {"delete": 1, "deleteMany": 2}
"""Operations that take away what the others need."""


async def description(client: httpx.AsyncClient) -> Json:
    answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    found: Json = answer.json()
    return found


async def test_the_openapi_document_is_valid(rest: httpx.AsyncClient) -> None:
    document = await description(rest)
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()  # type: ignore[arg-type]
    assert {"/rest/people", "/rest/people/*", "/rest/people/{id}"} <= set(document["paths"])
    assert "/rest/people/{id}/notes/{childId}" in document["paths"]


async def test_the_swagger_document_is_valid(rest: httpx.AsyncClient) -> None:
    key = rest.headers.pop("x-apikey")
    answer = await rest.get(f"/rest/_swagger.json?apikey={key}")
    assert answer.status_code == 200
    OpenAPIV2SpecValidator(answer.json()).validate()  # type: ignore[arg-type]
    assert (await rest.get("/rest/_swagger.json")).status_code == 401


async def test_both_describe_the_same_operations(rest: httpx.AsyncClient) -> None:
    openapi = await description(rest)
    swagger = (await rest.get("/rest/_swagger.json")).json()
    names = [operation["operationId"] for _, _, operation in operations(openapi)]
    assert names == [operation["operationId"] for _, _, operation in operations(swagger)]
    assert len(names) == len(set(names))


async def test_they_follow_a_change_of_the_schema(rest: httpx.AsyncClient) -> None:
    await description(rest)
    fields = [{"name": "a b", "type": "text"}, {"name": "in", "type": "text"}]
    odd = {"name": "kit codes", "strict": True, "fields": fields}
    assert (await rest.put("/rest/kit%20codes/_meta", json=odd)).status_code == 200
    document = await description(rest)
    assert "/rest/kit%20codes" in document["paths"]
    OpenAPIV31SpecValidator(document).validate()  # type: ignore[arg-type]
    await rest.delete("/rest/kit%20codes/_meta")
    assert "/rest/kit%20codes" not in (await description(rest))["paths"]


async def test_every_documented_operation_is_true(rest: httpx.AsyncClient) -> None:
    document = await description(rest)
    driver = Driver(rest, document)
    found = sorted(operations(document), key=lambda each: order_of(each[2]["operationId"]))
    for path, method, operation in found:
        await driver.drive(path, method, operation)
    assert len(driver.driven) == len(found) > 60
    print(f"{len(driver.driven)} documented operations driven")


async def test_every_documented_format_is_true(rest: httpx.AsyncClient) -> None:
    path = (await description(rest))["paths"]["/rest/people.{format}"]["get"]
    formats = await parameter(rest, "format")
    assert formats["schema"]["enum"] == ["csv", "html", "js", "json", "ndjson"]
    types = path["responses"]["200"]["content"]
    found = [await rest.get(f"/rest/people.{each}") for each in formats["schema"]["enum"]]
    assert {each.headers["content-type"].partition(";")[0] for each in found} == set(types)
    swagger = (await rest.get("/rest/_swagger.json")).json()["paths"]["/rest/people.{format}"]
    assert set(swagger["get"]["produces"]) == set(types)


async def test_documents_fit_with_every_shape(rest: httpx.AsyncClient) -> None:
    """Expanded, as links, flat, with children: what is described is what is sent."""
    driver = Driver(rest, await description(rest))
    acme = await insert(rest, "companies", {"name": "Acme"})
    body = {"name": "Ann", "company": acme["_id"], "address": {"landlord": acme["_id"]}}
    ann = await insert(rest, "people", body)
    await insert(rest, f"people/{ann['_id']}/notes", {"text": "x"})
    schema = {"$ref": "#/components/schemas/People"}
    for query in (
        "",
        "idtolink=true",
        "flatten=true&metafields=true",
        "idtolink=true&flatten=true",
    ):
        answer = await rest.get(f"/rest/people/{ann['_id']}?fetchchildren=true&{query}")
        driver.check(schema, answer.json())
    wrong = {**answer.json(), "company": [{"name": 7}]}
    with pytest.raises(ValidationError):
        driver.check(schema, wrong)


async def parameter(client: httpx.AsyncClient, name: str) -> Json:
    found: Json = (await description(client))["components"]["parameters"][name]
    return found


def order_of(name: str) -> int:
    group = 3 if name.startswith("schema.") else 0
    return group + LAST.get(name.rpartition(".")[2], 0)


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


class Driver:
    """Calls operations with bodies made from their schemas, and checks the answers."""

    def __init__(self, client: httpx.AsyncClient, document: Json) -> None:
        self.client = client
        self.document = document
        self.driven: list[str] = []
        resource = Resource(contents=document, specification=DRAFT202012)
        self.registry: Registry[Any] = Registry().with_resource("duet:api", resource)

    async def drive(self, path: str, method: str, operation: Json) -> None:
        address = await self.address(path)
        sent = operation.get("requestBody")
        body = self.body(operation, sent["content"]["application/json"]["schema"]) if sent else None
        status = next(each for each in operation["responses"] if each.startswith("2"))
        query = {"q": "{}"} if self.needs_query(operation) else {}
        answer = await self.client.request(method.upper(), address, json=body, params=query)
        assert answer.status_code == int(status), (method, address, body, answer.text)
        documented = operation["responses"][status]
        self.check(documented["content"]["application/json"]["schema"], answer.json())
        for header in documented.get("headers", {}):
            several = header == "ETag" and isinstance(answer.json(), list)
            assert several or header in answer.headers, (method, path, header)
        await self.drive_errors(method, address, operation)
        self.driven.append(operation["operationId"])

    async def drive_errors(self, method: str, address: str, operation: Json) -> None:
        """Without a key, with a wrong one, and with parameters of its own that are wrong."""
        for status, headers in ((401, {"x-apikey": ""}), (403, {"x-apikey": "wrong"})):
            answer = await self.client.request(method.upper(), address, headers=headers)
            assert answer.status_code == status
            self.check(self.error(operation, status), answer.json())
        if "requestBody" in operation:
            answer = await self.client.request(method.upper(), address, content=b"{")
            assert answer.status_code == 400
            self.check(self.error(operation, 400), answer.json())

    def needs_query(self, operation: Json) -> bool:
        parameters = map(self.resolved, operation.get("parameters", ()))
        return any(each["name"] == "q" and each.get("required") for each in parameters)

    def error(self, operation: Json, status: int) -> Json:
        found: Json = self.resolved(operation["responses"][str(status)])
        schema: Json = found["content"]["application/json"]["schema"]
        return schema

    async def address(self, path: str) -> str:
        """The path with the ids of fresh documents in it, and a format that is JSON."""
        path = path.replace("{format}", "json")
        if "{collection}" in path:
            meta = {"name": "spare", "fields": [{"name": "a", "type": "text"}]}
            assert (await self.client.put("/rest/spare/_meta", json=meta)).status_code == 200
            await insert(self.client, "spare", {"a": "b"})
            return path.replace("{collection}", "spare")
        if "{key}" in path:
            return path.replace("{key}", (await insert(self.client, "_keys", {}))["_id"])
        root, marker, rest = path.removeprefix("/rest/").partition("/{id}")
        if not marker:
            return path
        parent = (await insert(self.client, root, self.document_for(root)))["_id"]
        child_field, marker, _ = rest.partition("/{childId}")
        if not marker:
            return f"/rest/{root}/{parent}{rest}"
        above = f"{root}/{parent}{child_field}"
        child = (await insert(self.client, above, {"text": "x"}))["_id"]
        return f"/rest/{above}/{child}"

    def document_for(self, collection: str) -> Any:
        schema = self.document["paths"][f"/rest/{collection}"]["post"]["requestBody"]["content"]
        return self.example(schema["application/json"]["schema"]["anyOf"][0])

    def body(self, operation: Json, schema: Json) -> Any:
        name = operation["operationId"]
        if name == "schema.putAll":
            return {"collections": [{"name": "spare", "fields": []}]}
        if name == "schema.put":
            return {"name": "spare", "fields": [{"name": "a", "type": "text"}]}
        return self.example(schema)

    def example(self, schema: Json) -> Any:
        """A value that fits: every property, except references, which would need a target."""
        schema = self.resolved(schema)
        if "anyOf" in schema:
            return self.example(schema["anyOf"][0])
        if "allOf" in schema:
            return {k: v for each in schema["allOf"] for k, v in self.example(each).items()}
        if "enum" in schema:
            return schema["enum"][0]
        if "examples" in schema:
            return schema["examples"][0]
        kinds = schema.get("type", "string")
        kind = kinds if isinstance(kinds, str) else kinds[0]
        if kind == "object":
            properties = schema.get("properties", {}).items()
            if "coordinates" in dict(properties):
                return {"type": "Point", "coordinates": [1, 2]}
            return {name: self.example(each) for name, each in properties if not is_id(each)}
        if kind == "array":
            return [] if is_id(schema["items"]) else [self.example(schema["items"])]
        text = "ann@example.com" if schema.get("format") == "email" else "text"
        values: Json = {"string": text, "integer": 1, "number": 1.5, "boolean": True}
        if kind == "string" and text != "text":
            self.emails = getattr(self, "emails", 0) + 1
            return f"ann{self.emails}@example.com"
        return values[kind]

    def check(self, schema: Json, value: Any) -> None:
        Draft202012Validator(rebased(schema), registry=self.registry).validate(value)

    def resolved(self, part: Json) -> Json:
        if "$ref" not in part:
            return part
        found: Any = self.document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        resolved: Json = found
        return resolved


def rebased(schema: Json) -> Json:
    """The schema as a document of its own, which refers to the description."""
    found: Json = json.loads(json.dumps(schema).replace('"#/', '"duet:api#/'))
    return found


def is_id(schema: Json) -> bool:
    return "24" in schema.get("pattern", "") or any(map(is_id, schema.get("anyOf", ())))


async def test_unchanged_collections_keep_their_share(rest: httpx.AsyncClient) -> None:
    """Only what changed is described again, and the bytes are made once a version."""
    first, second = await asyncio.gather(description(rest), description(rest))
    assert first == second


async def test_the_docs_page_needs_nothing_from_elsewhere(rest: httpx.AsyncClient) -> None:
    rest.headers.pop("x-apikey")
    page = await rest.get("/docs", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path in ("/docs/docs.js", "/docs/docs.css"):
        assert path in page.text
        asset = await rest.get(path)
        assert asset.status_code == 200
        assert "//" not in asset.text.replace("// ", "")
    assert "http" not in page.text


@pytest.mark.parametrize("path", ["/openapi.json", "/rest/_swagger.json"])
async def test_they_are_for_the_full_key(rest: httpx.AsyncClient, path: str) -> None:
    assert (await rest.get(path, headers={"x-apikey": ""})).status_code == 401
    assert (await rest.post(path)).status_code == 405
