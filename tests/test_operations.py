"""What an operator sees of a server: health, metrics, request ids, timing, logs, masking."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.service import Service
from tests.conftest import KEY, make_settings, running_server
from tests.processes import HEADERS, serving, wait_until_ready

OK = {"status": "ok"}


async def anonymous(client: httpx.AsyncClient, path: str, **headers: str) -> httpx.Response:
    request = client.build_request("GET", path, headers=headers)
    if "x-apikey" not in headers:
        del request.headers["x-apikey"]
    return await client.send(request)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_needs_no_key_and_reveals_nothing(
    app_client: httpx.AsyncClient, path: str
) -> None:
    answer = await anonymous(app_client, path)
    assert (answer.status_code, answer.json()) == (200, OK)
    assert answer.headers["cache-control"] == "no-store"
    assert (await anonymous(app_client, path, **{"x-apikey": "wrong"})).json() == OK


def test_ready_follows_the_database(tmp_path: Path) -> None:
    mongod = EmbeddedMongod(tmp_path)
    mongod.start()
    try:
        with running_server(make_settings(mongod.uri)) as server:
            mongod.stop()
            begun = time.perf_counter()
            with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
                away = client.get("/readyz")
                waited = time.perf_counter() - begun
                assert (away.status_code, away.json()) == (503, {"status": "unavailable"})
                assert away.headers["retry-after"] == "1"
                assert waited < 3, "a probe must not wait as long as a request"
                assert client.get("/healthz").status_code == 200
                read = client.get("/rest/users", headers=server.headers)
                assert (read.status_code, read.json()["name"]) == (503, "Unavailable")
                assert read.headers["retry-after"] == "1"
                mongod.start()
                wait_until_ready(server.url, 30)
                assert client.get("/rest/users", headers=server.headers).status_code == 200
    finally:
        mongod.stop()


async def test_metrics_are_for_this_machine_and_the_full_key(app_client: httpx.AsyncClient) -> None:
    answer = await anonymous(app_client, "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for proxied in ({"x-forwarded-for": "127.0.0.1"}, {"forwarded": "for=127.0.0.1"}):
        refused = await anonymous(app_client, "/metrics", **proxied)
        assert refused.status_code == 401
        assert refused.json()["message"]
        wrong = await anonymous(app_client, "/metrics", **proxied, **{"x-apikey": "wrong"})
        assert wrong.status_code == 401
        asked = await anonymous(app_client, "/metrics", **proxied, **{"x-apikey": KEY})
        assert asked.status_code == 200


async def test_metrics_count_requests_by_bounded_labels(app_client: httpx.AsyncClient) -> None:
    for number in range(30):
        await app_client.request(f"ODD{number}", f"/rest/nothing{number}")
        await app_client.get(f"/wp-admin/{number}.php")
    await app_client.get("/rest/users")
    text = (await app_client.get("/metrics")).text
    lines = [each for each in text.splitlines() if each.startswith("duetdb_requests_total{")]
    counted = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}
    assert counted == {
        'duetdb_requests_total{method="OTHER",part="rest",status="405"}': 30,
        'duetdb_requests_total{method="GET",part="other",status="404"}': 30,
        'duetdb_requests_total{method="GET",part="rest",status="200"}': 1,
    }
    assert 'duetdb_request_seconds_count{part="rest"} 31.0' in text
    assert re.search(r"^duetdb_collections 6\.0$", text, re.MULTILINE)
    assert "process_resident_memory_bytes" in text


@pytest.mark.parametrize("path", ["/healthz", "/rest/users", "/rest/nowhere", "/graphql", "/x"])
async def test_every_answer_has_a_request_id(app_client: httpx.AsyncClient, path: str) -> None:
    first, second = [(await app_client.get(path)).headers["x-request-id"] for _ in range(2)]
    assert re.fullmatch("[0-9a-f]{16}", first) and first != second
    given = await app_client.get(path, headers={"x-request-id": "job-7.A_b"})
    assert given.headers["x-request-id"] == "job-7.A_b"


@pytest.mark.parametrize("given", ["", "a b", "a" * 65, 'x"y', "a;b", "<script>"])
async def test_a_request_id_that_could_do_harm_is_replaced(
    app_client: httpx.AsyncClient, given: str
) -> None:
    answer = await app_client.get("/healthz", headers={"x-request-id": given})
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])


async def test_server_timing_on_request_only(app_client: httpx.AsyncClient) -> None:
    assert "server-timing" not in (await app_client.get("/rest/users")).headers
    for path in ("/rest/users", "/graphql?query={users{_id}}"):
        timed = await app_client.get(path, headers={"server-timing": "1"})
        assert timed.status_code == 200
        told = re.fullmatch(r"db;dur=([\d.]+), total;dur=([\d.]+)", timed.headers["server-timing"])
        assert told is not None
        assert 0 < float(told[1]) <= float(told[2])


async def test_an_unexpected_error_is_masked_and_logged_under_its_id(
    app_client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("inner secret")

    monkeypatch.setattr(Service, "find", broken)
    with capture_logs() as logged:
        rest = await app_client.get("/rest/users", headers={"x-request-id": "rest-7"})
        graphql = await app_client.get(
            "/graphql?query={users{_id}}", headers={"x-request-id": "graphql-7"}
        )
    failures = [each for each in logged if each["log_level"] == "error"]
    assert [each["request_id"] for each in failures] == ["rest-7", "graphql-7"]
    assert all("inner secret" in repr(each["exc_info"]) for each in failures)
    assert rest.status_code == 500
    assert rest.json() == {
        "name": "InternalError",
        "message": "Something went wrong here; the log has it under rest-7.",
        "status": 500,
    }
    (error,) = graphql.json()["errors"]
    assert error["message"] == "Something went wrong here; the log has it under graphql-7."
    assert (error["extensions"]["code"], error["extensions"]["status"]) == ("INTERNAL", 500)
    assert "inner secret" not in rest.text + graphql.text


async def test_an_unexpected_error_outside_the_interfaces_is_masked_too(
    app_client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: Service) -> bool:
        raise RuntimeError("inner secret")

    monkeypatch.setattr(Service, "ping", broken)
    origin = "http://localhost:3000"
    answer = await app_client.get("/readyz", headers={"x-request-id": "a7", "origin": origin})
    assert answer.status_code == 500
    assert answer.json()["message"].endswith("under a7.")
    assert answer.headers["x-request-id"] == "a7"
    assert answer.headers["access-control-allow-origin"] == origin


def test_the_log_is_json_lines_without_secrets(mongod: EmbeddedMongod, tmp_path: Path) -> None:
    wrong, password = "0123456789abcdef-wrong-key", "hunter2-hunter2"
    settings = make_settings(mongod.uri)
    flags = ("--mongodb-uri", mongod.uri, "--database", settings.database, "--access-log")
    with serving(*flags, "--log-level", "debug") as server:
        with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
            named = {"x-request-id": "find-me", **HEADERS}
            assert client.get("/rest/users", headers=named).status_code == 200
            assert client.get(f"/rest/users?apikey={KEY}").status_code == 200
            assert client.get(f"/rest/users?apikey={wrong}").status_code == 403
            assert client.get("/rest/users", headers={"x-apikey": wrong}).status_code == 403
            bearer = {"authorization": f"Bearer {password}", **HEADERS}
            assert client.get(f"/graphql?apikey={KEY}&query={{", headers=bearer).status_code == 401
            assert client.get(f"/nowhere?apikey={KEY}&jwt={password}").status_code == 404
            body = {"email": f"{password}@example.com", "password": password}
            assert client.post("/rest/users", headers=HEADERS, json=body).status_code == 201
            assert client.post(f"/rest/users?apikey={KEY}", content=b"{").status_code == 400
        garbage(server.port, f"GET /rest/users?apikey={KEY} HTTP/9\r\n\r\n".encode())
        assert server.stop() == 0
        log = server.logged
    lines = [json.loads(line) for line in log.splitlines()]
    assert all({"event", "level", "timestamp"} <= each.keys() for each in lines)
    (found,) = [each for each in lines if each.get("request_id") == "find-me"]
    assert (found["method"], found["path"], found["status"]) == ("GET", "/rest/users", 200)
    assert found["ms"] > 0
    assert len([each for each in lines if each["event"] == "request"]) >= 8
    assert any("Invalid HTTP request" in each["event"] for each in lines)
    for secret in (KEY, wrong, password):
        assert secret not in log


def garbage(port: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(sent)
        while client.recv(65536):
            pass
