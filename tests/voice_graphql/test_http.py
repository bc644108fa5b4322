"""GraphQL over HTTP: each test is a rule of the specification (draft of 2025), in our words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
import pytest_asyncio

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import KEY, make_settings
from tests.voice_graphql.conftest import AUTHORS, NO_KEY, WRONG_KEY, Voice
from tests.voice_graphql.running import serving

JSON = "application/json; charset=utf-8"
GRAPHQL = "application/graphql-response+json"
NEW = f"{GRAPHQL}; charset=utf-8"
ALIVE = {"query": "{ __typename }"}
ANSWER = {"data": {"__typename": "Query"}}
CREATE = 'mutation { createAuthors(data: {name: "By GET"}) { name } }'

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def voice(mongod: EmbeddedMongod) -> AsyncIterator[Voice]:
    """One library for all tests here: HTTP is what they look at, not documents."""
    async with serving(make_settings(mongod.uri)) as server:
        await server.voice.define(AUTHORS)
        yield server.voice


async def post(voice: Voice, body: Any = ALIVE, **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await voice.client.post("/graphql", json=body, headers=given)


async def get(voice: Voice, **parameters: str) -> httpx.Response:
    return await voice.client.get("/graphql?" + urlencode(parameters))


def refusal(answer: httpx.Response, status: int, code: str = "BAD_REQUEST") -> str:
    """The message of a request that was refused with this status, in every way it says so."""
    assert answer.status_code == status, answer.text
    (error,) = answer.json()["errors"]
    assert "data" not in answer.json()
    assert error["extensions"]["code"] == code
    assert error["extensions"]["status"] == status
    return str(error["message"])


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (GRAPHQL, NEW),
        ("application/json", JSON),
        ("application/*", JSON),
        ("*/*", JSON),
        ("", JSON),
        (f"{GRAPHQL}; charset=utf-8, application/json; charset=utf-8", NEW),
        (f"application/json, {GRAPHQL}", JSON),
        (f"application/json;q=0.5, {GRAPHQL};q=0.8", NEW),
        (f"{GRAPHQL};q=0.2, application/json;q=0.9", JSON),
        (f"{GRAPHQL};q=0, */*", JSON),
        ("application/json;q=0, */*", NEW),
        (f"{GRAPHQL}, */*;q=0.1", NEW),
        ("APPLICATION/GraphQL-Response+JSON", NEW),
        (f"text/html, {GRAPHQL};q=0.9, */*;q=0.1", NEW),
        ("application/json;profile=x;Q=0.3, text/plain", JSON),
    ],
)
async def test_the_answer_has_the_media_type_that_accept_likes_best(
    voice: Voice, accept: str, kind: str
) -> None:
    """Section 4.2, HTTP section 12.5.1: the answer is of the type with the most weight, and a
    range that names it goes before one that covers it."""
    answer = await post(voice, accept=accept)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.json() == ANSWER


async def test_accept_may_come_in_several_lines(voice: Voice) -> None:
    """HTTP section 5.3: a list header sent as two lines is one list."""
    headers = [("accept", GRAPHQL), ("accept", "text/html")]
    answer = await voice.client.post("/graphql", json=ALIVE, headers=headers)
    assert answer.headers["content-type"] == NEW


async def test_without_accept_the_answer_is_json(voice: Voice) -> None:
    """Section 4.2: a request without Accept may be answered in application/json."""
    request = voice.client.build_request("POST", "/graphql", json=ALIVE)
    del request.headers["accept"]
    answer = await voice.client.send(request)
    assert answer.headers["content-type"] == JSON


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*;q=0", "junk", "image/*"])
async def test_nothing_acceptable_is_406(voice: Voice, accept: str) -> None:
    """Section 6.4: a server that can send nothing of what is accepted should answer 406."""
    message = refusal(await post(voice, accept=accept), 406, "NOT_ACCEPTABLE")
    assert message == "None of the media types in Accept can be sent."


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF8"]
)
async def test_post_takes_json(voice: Voice, kind: str) -> None:
    """Section 5.4.1: POST with application/json must be supported."""
    assert (await post(voice, content_type=kind)).json() == ANSWER


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=utf-16",
        "application/jsonp",
        "",
    ],
)
async def test_another_content_type_is_415(voice: Voice, kind: str) -> None:
    """Section 5.4: a body of a type that the server does not read should be 415."""
    message = refusal(await post(voice, content_type=kind), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert message == "The body must be JSON."


async def test_a_missing_content_type_is_415(voice: Voice) -> None:
    """Section 5.4: a POST without a content type should be refused by a fitting 4xx."""
    answer = await voice.client.post("/graphql", content=json.dumps(ALIVE))
    refusal(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_get_runs_queries(voice: Voice) -> None:
    """Section 5.3: the parameters of a GET stand in the query of the URL."""
    await voice.insert("authors", {"name": "Ann + Bob"}, {"name": "Cem"})
    text = "query Other { __typename } query Named($n: String) " + (
        "{ authors(where: {name: {eq: $n}}) { name } }"
    )
    answer = await get(
        voice, query=text, operationName="Named", variables=json.dumps({"n": "Ann + Bob"})
    )
    assert answer.json() == {"data": {"authors": [{"name": "Ann + Bob"}]}}


async def test_get_takes_empty_parameters_for_absent(voice: Voice) -> None:
    """Section 5.3: an empty operationName counts as none; so do the others."""
    answer = await get(voice, query="{ __typename }", operationName="", variables="", extensions="")
    assert answer.json() == ANSWER


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_get_must_not_mutate(voice: Voice, method: str) -> None:
    """Section 5.3: a GET must not run a mutation; when the query and the operation name pick
    one the answer must be 405."""
    text = "query Safe { __typename } mutation Write " + CREATE.removeprefix("mutation")
    answer = await voice.client.request(
        method, "/graphql", params={"query": text, "operationName": "Write"}
    )
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert await voice.data('{ authors(where: {name: {eq: "By GET"}}) { name } }') == []
    safe = {"query": text, "operationName": "Safe"}
    assert (await voice.client.request(method, "/graphql", params=safe)).status_code == 200


async def test_head_is_get_without_a_body(voice: Voice) -> None:
    """HTTP semantics, section 9.3.2."""
    answer = await voice.client.head("/graphql", params=ALIVE)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len(json.dumps(ANSWER).replace(" ", ""))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_405(voice: Voice, method: str) -> None:
    answer = await voice.client.request(method, "/graphql", json=ALIVE)
    assert refusal(answer, 405, "METHOD_NOT_ALLOWED") == f"{method} is not possible here."
    assert answer.headers["allow"] == "POST, GET, HEAD"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "'query' must hold the text of an operation."),
        ({"query": None}, "'query' must hold the text of an operation."),
        ({"query": 1}, "'query' must hold the text of an operation."),
        ({"query": ["{ __typename }"]}, "'query' must hold the text of an operation."),
        ({"query": " "}, "'query' must hold the text of an operation."),
        ({**ALIVE, "operationName": 1}, "'operationName' must be a string or null."),
        ({**ALIVE, "operationName": {}}, "'operationName' must be a string or null."),
        ({**ALIVE, "variables": "{}"}, "'variables' must be a JSON object or null."),
        ({**ALIVE, "variables": []}, "'variables' must be a JSON object or null."),
        ({**ALIVE, "variables": 0}, "'variables' must be a JSON object or null."),
        ({**ALIVE, "extensions": "x"}, "'extensions' must be a JSON object or null."),
        ([ALIVE], "A GraphQL request is one JSON object."),
        ([], "A GraphQL request is one JSON object."),
        ("{ __typename }", "A GraphQL request is one JSON object."),
        (7, "A GraphQL request is one JSON object."),
    ],
)
@pytest.mark.parametrize("accept", [GRAPHQL, "application/json"])
async def test_what_is_not_a_request_is_400(
    voice: Voice, body: Any, message: str, accept: str
) -> None:
    """Section 6.4: what is no well-formed request should be 400, whatever the media type. A
    batch is none."""
    answer = await post(voice, body, accept=accept)
    assert refusal(answer, 400) == message
    assert answer.headers["content-type"].startswith(accept)


async def test_a_batch_is_refused_with_what_to_do_instead(voice: Voice) -> None:
    """Many operations in one request would count as one for whoever limits requests."""
    for batch in ([ALIVE], [ALIVE, ALIVE], []):
        (error,) = (await post(voice, batch)).json()["errors"]
        assert error["extensions"] == {
            "code": "BAD_REQUEST",
            "status": 400,
            "hint": "Operations are not sent in batches: select several fields in one.",
        }


async def test_no_form_of_another_site_can_ask(voice: Voice) -> None:
    """What a form can send is refused before it is read, however the operation is put into it."""
    operations = {"operations": json.dumps(ALIVE), "map": "{}"}
    for sent in (
        {"files": {"0": ("a.txt", b"x")}, "data": operations},
        {"data": ALIVE},
        {"content": json.dumps(ALIVE), "headers": {"content-type": "text/plain"}},
    ):
        answer = await voice.client.post("/graphql", **sent)
        refusal(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_null_counts_as_absent(voice: Voice) -> None:
    """Section 5.1: all but the query are optional, and null is the same as absent."""
    body = {**ALIVE, "variables": None, "operationName": None, "extensions": None, "other": [1]}
    assert (await post(voice, body)).json() == ANSWER
    assert (await post(voice, {**ALIVE, "extensions": {"a": 1}})).json() == ANSWER


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"  ",
        b"{",
        b'{"query": "{ __typename }"',
        b"NaN",
        b'{"query": }',
        b'{"query": "\xff"}',
        b"\xef\xbb\xbf{}",
        b"\xfe\xff\x00{",
        b"query=%7B__typename%7D",
        b"null",
        b'{"query": "{ __typename }"} x',
    ],
)
async def test_what_is_not_json_is_400(voice: Voice, raw: bytes) -> None:
    """Section 6.4.1: a body that is no JSON should be 400."""
    answer = await voice.client.post(
        "/graphql", content=raw, headers={"content-type": "application/json"}
    )
    assert refusal(answer, 400)


@pytest.mark.parametrize(
    ("name", "value"), [("variables", "{"), ("variables", "[]"), ("extensions", "nope")]
)
async def test_get_parameters_must_be_json_objects(voice: Voice, name: str, value: str) -> None:
    """Section 5.3: variables and extensions are JSON texts; the message names which is not."""
    assert f"'{name}'" in refusal(await get(voice, **{"query": "{ __typename }", name: value}), 400)


async def test_get_parameters_are_utf_8_and_few(voice: Voice) -> None:
    answer = await voice.client.get("/graphql?query=%FF%FE")
    assert refusal(answer, 400) == "The query string cannot be read."
    many = "&".join(f"x{number}=1" for number in range(200))
    assert refusal(await voice.client.get(f"/graphql?{many}"), 400)
    assert refusal(await voice.client.get("/graphql?query="), 400)
    assert refusal(await voice.client.get("/graphql"), 400)


async def test_text_is_utf_8(voice: Voice) -> None:
    """RFC 8259, section 8.1: JSON between systems is UTF-8."""
    await voice.insert("authors", {"name": "Żółć 🦆"})
    text = '{ authors(where: {name: {eq: "Żółć 🦆"}}) { name } }'
    body = json.dumps({"query": text}, ensure_ascii=False).encode()
    headers = {"content-type": "application/json"}
    for raw in (body, json.dumps({"query": text}).encode()):
        answer = await voice.client.post("/graphql", content=raw, headers=headers)
        assert answer.json() == {"data": {"authors": [{"name": "Żółć 🦆"}]}}
    answer = await voice.client.get("/graphql?query=" + quote(text))
    assert answer.json() == {"data": {"authors": [{"name": "Żółć 🦆"}]}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"query": "{"}, "Syntax Error"),
        ({"query": "{ nothing }"}, "Cannot query field 'nothing'"),
        ({"query": "query A { __typename } query B { __typename }"}, "several operations"),
        ({**ALIVE, "operationName": "Missing"}, "no operation named 'Missing'"),
        ({"query": "fragment F on Query { __typename }"}, "is never used"),
        (
            {"query": "query($a: Int!) { authors(max: $a) { name } }"},
            "Expected a value of non-null type 'Int!'",
        ),
        (
            {"query": "query($a: Int) { authors(max: $a) { name } }", "variables": {"a": "x"}},
            "'$a'",
        ),
        ({"query": "subscription { x }"}, "subscription"),
    ],
)
async def test_what_was_not_begun_has_a_status_only_where_it_may(
    voice: Voice, body: Any, said: str
) -> None:
    """Section 6.4.1: in application/json every well-formed request should be 200. Section
    6.4.2: in the newer type an answer without data must be a 4xx or 5xx."""
    old = await post(voice, body, accept="application/json")
    new = await post(voice, body, accept=GRAPHQL)
    assert (old.status_code, new.status_code) == (200, 400)
    for answer in (old, new):
        assert "data" not in answer.json()
        assert said in answer.json()["errors"][0]["message"]
        assert answer.json()["errors"][0]["extensions"]["status"] == 400


@pytest.mark.parametrize("accept", [GRAPHQL, "application/json"])
async def test_what_was_begun_is_200(voice: Voice, accept: str) -> None:
    """Section 6.4.2: an answer with data must be a 2xx and should be 200, errors or not."""
    text = "{ authors { name } bad: authors(q: {name: {nope: 1}}) { name } }"
    assert (await post(voice, {"query": text}, accept=accept)).status_code == 200
    text = "mutation { createAuthors(data: {}) { name } }"
    answer = await post(voice, {"query": text}, accept=accept)
    assert (answer.status_code, answer.json()["data"]) == (200, {"createAuthors": None})


@pytest.mark.parametrize("accept", [GRAPHQL, "application/json"])
async def test_keys_are_asked_for_as_in_rest(voice: Voice, accept: str) -> None:
    """Nothing presented: 401; presented, but not accepted: 403 (SPEC 2.5)."""
    answer = await voice.client.post("/graphql", json=ALIVE, headers={**NO_KEY, "accept": accept})
    assert refusal(answer, 401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"] == 'ApiKey realm="duetdb"'
    assert answer.headers["content-type"].startswith(accept)
    answer = await voice.client.post(
        "/graphql", json=ALIVE, headers={**WRONG_KEY, "accept": accept}
    )
    assert refusal(answer, 403, "FORBIDDEN")
    request = voice.client.build_request("POST", f"/graphql?apikey={KEY}", json=ALIVE)
    del request.headers["x-apikey"]
    assert (await voice.client.send(request)).json() == ANSWER


async def test_a_body_over_the_limit_is_413(voice: Voice) -> None:
    """Ten megabytes above the limit are refused before they are all read, announced or not."""
    limit = 16 * 1024 * 1024
    body = json.dumps({**ALIVE, "variables": {"x": "x" * (limit + 10_000_000)}}).encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1_000_000):
            sent.append(start)
            yield body[start : start + 1_000_000]

    sent: list[int] = []
    headers = {"content-type": "application/json"}
    for content in (body, chunks()):
        answer = await voice.client.post("/graphql", content=content, headers=headers)
        message = refusal(answer, 413, "TOO_LARGE")
        assert message == "The body is larger than 16,777,216 bytes."
    assert len(sent) < 20


async def test_a_trailing_slash_is_the_same_address(voice: Voice) -> None:
    answer = await voice.client.post("/graphql/", json=ALIVE)
    assert (answer.status_code, answer.json()) == (200, ANSWER)


async def test_pages_on_loopback_may_ask(voice: Voice) -> None:
    """SPEC 2.4: a preflight needs no key; every answer has the headers, errors included."""
    origin = "http://localhost:3000"
    asking = {"access-control-request-method": "POST", "access-control-request-headers": "x-apikey"}
    answer = await voice.client.options("/graphql", headers={**NO_KEY, **asking, "origin": origin})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == origin
    assert "POST" in answer.headers["access-control-allow-methods"]
    for headers in ({}, NO_KEY, {"accept": "text/plain"}):
        answer = await voice.client.post(
            "/graphql", json=ALIVE, headers={**headers, "origin": origin}
        )
        assert answer.headers["access-control-allow-origin"] == origin
    answer = await voice.client.post(
        "/graphql", json=ALIVE, headers={"origin": "https://evil.example"}
    )
    assert "access-control-allow-origin" not in answer.headers


async def test_answers_have_a_request_id_and_are_not_kept(voice: Voice) -> None:
    answer = await post(voice, x_request_id="abc-1")
    assert answer.headers["x-request-id"] == "abc-1"
    assert answer.headers["cache-control"] == "no-store"
    assert len((await post(voice, {})).headers["x-request-id"]) == 16
