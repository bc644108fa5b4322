"""Who asks too often is told to wait: keys, users and addresses, and whoever guesses keys."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from duetdb.app.http.rate import RateLimiter, Rates, group_of
from duetdb.app.service.errors import TooManyRequests
from duetdb.app.service.principal import FULL_ACCESS, Principal
from tests.transport.conftest import OUTSIDE, Serving

WAIT = "Wait for as long as Retry-After says, and then ask less often."
BLOCKED = "Too many requests of this address had credentials that are not accepted."
BLOCKED_HINT = "Check the key or the token, and wait for as long as Retry-After says."


@pytest.fixture(autouse=True)
def in_one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins as a minute does, so that no window ends while it counts."""
    now = time.time
    until_next = 60 - now() % 60
    monkeypatch.setattr(time, "time", lambda: now() + until_next)


def check_wait(answer: httpx.Response, most: int = 20) -> int:
    """The seconds of ``Retry-After``, which must be few and whole."""
    seconds = int(answer.headers["retry-after"])
    assert 1 <= seconds <= most
    return seconds


async def test_an_address_that_asks_too_often(serving_with: Serving) -> None:
    async with serving_with(rate_address=1) as client_at:
        client = client_at()
        statuses = [(await client.get("/rest/users")).status_code for _ in range(10)]
        assert statuses == [200] * 10
        answer = await client.get("/rest/users")
        assert (answer.status_code, answer.json()) == (
            429,
            {
                "name": "TooManyRequests",
                "message": "Too many requests: this address may send 1 a second.",
                "status": 429,
                "hint": WAIT,
            },
        )
        check_wait(answer)
        assert (await client_at("203.0.113.10").get("/rest/users")).status_code == 200
        assert (await client.get("/healthz")).status_code == 200


async def test_graphql_says_it_in_its_own_words(serving_with: Serving) -> None:
    async with serving_with(rate_address=1) as client_at:
        client = client_at()
        for _ in range(10):
            answer = await client.post("/graphql", json={"query": "{ __typename }"})
            assert answer.json() == {"data": {"__typename": "Query"}}
        answer = await client.post("/graphql", json={"query": "{ __typename }"})
        wait = check_wait(answer)
        extensions = {"code": "RATE_LIMITED", "status": 429, "hint": WAIT, "retryAfter": wait}
        message = "Too many requests: this address may send 1 a second."
        assert (answer.status_code, answer.json()) == (
            429,
            {"errors": [{"message": message, "extensions": extensions}]},
        )


async def test_a_page_may_read_that_it_must_wait(serving_with: Serving) -> None:
    page = {"origin": "http://localhost:3000"}
    async with serving_with(rate_address=1) as client_at:
        client = client_at()
        for _ in range(10):
            assert (await client.get("/rest/users", headers=page)).status_code == 200
        answer = await client.get("/rest/users", headers=page)
        assert answer.status_code == 429
        assert answer.headers["access-control-allow-origin"] == page["origin"]
        assert "Retry-After" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_programs_of_this_machine_are_no_crowd(serving_with: Serving, address: str) -> None:
    async with serving_with(rate_address=1) as client_at:
        client = client_at(address, "http")
        assert {(await client.get("/rest/users")).status_code for _ in range(15)} == {200}


async def test_behind_a_trusted_proxy_each_client_counts_for_itself(serving_with: Serving) -> None:
    async with serving_with(rate_address=1, trusted_proxies="127.0.0.1") as client_at:
        client = client_at("127.0.0.1", "http")
        via = {"x-forwarded-proto": "https", "x-forwarded-for": OUTSIDE}
        statuses = [(await client.get("/rest/users", headers=via)).status_code for _ in range(11)]
        assert statuses == [200] * 10 + [429]
        spoofed = {**via, "x-forwarded-for": f"8.8.8.8, {OUTSIDE}"}
        assert (await client.get("/rest/users", headers=spoofed)).status_code == 429
        other = {**via, "x-forwarded-for": "203.0.113.10"}
        assert (await client.get("/rest/users", headers=other)).status_code == 200


async def test_without_trusted_proxies_nobody_counts_as_somebody_else(
    serving_with: Serving,
) -> None:
    async with serving_with(rate_address=1) as client_at:
        client = client_at()
        statuses = [
            (
                await client.get("/rest/users", headers={"x-forwarded-for": f"8.8.8.{number}"})
            ).status_code
            for number in range(11)
        ]
        assert statuses == [200] * 10 + [429]


async def test_who_guesses_keys_must_wait(serving_with: Serving) -> None:
    async with serving_with(rate_failures=5) as client_at:
        guessing, right = client_at(key=""), client_at()
        for number in range(5):
            answer = await guessing.get("/rest/users", headers={"x-apikey": f"{number:024x}"})
            assert answer.status_code == 403
        for path in ("/rest/users", "/rest/nowhere"):
            answer = await guessing.get(path, headers={"x-apikey": "f" * 24})
            assert (answer.status_code, answer.json()) == (
                429,
                {
                    "name": "TooManyRequests",
                    "message": BLOCKED,
                    "status": 429,
                    "hint": BLOCKED_HINT,
                },
            )
            check_wait(answer, 120)
        # Nor does the answer tell the right key from a wrong one.
        assert (await right.get("/rest/users")).status_code == 429
        assert (await client_at("203.0.113.10").get("/rest/users")).status_code == 200


async def test_right_keys_and_no_keys_are_no_guesses(serving_with: Serving) -> None:
    async with serving_with(rate_failures=5) as client_at:
        nothing, right = client_at(key=""), client_at()
        assert {(await nothing.get("/rest/users")).status_code for _ in range(10)} == {401}
        assert {(await right.get("/rest/users")).status_code for _ in range(10)} == {200}


@pytest.mark.parametrize("method", ["rest", "graphql"])
async def test_guesses_count_on_either_interface(serving_with: Serving, method: str) -> None:
    async with serving_with(rate_failures=5) as client_at:
        client = client_at(key="0" * 24)
        statuses = []
        for _ in range(7):
            if method == "rest":
                statuses.append((await client.get("/rest/users")).status_code)
            else:
                answer = await client.post("/graphql", json={"query": "{ __typename }"})
                statuses.append(answer.status_code)
        assert statuses == [403] * 5 + [429] * 2


@pytest.mark.parametrize("changed", [{"rate_failures": 0}, {"rate_address": 0}])
async def test_what_is_off_is_not_counted(serving_with: Serving, changed: dict[str, Any]) -> None:
    async with serving_with(**changed) as client_at:
        client = client_at(key="0" * 24 if "rate_failures" in changed else "")
        expected = 403 if "rate_failures" in changed else 401
        assert {(await client.get("/rest/users")).status_code for _ in range(40)} == {expected}


async def test_a_web_key_has_the_rate_that_it_was_given(serving_with: Serving) -> None:
    wanted = {"description": "slow", "methods": ["GET", "POST"], "paths": ["/**"], "rate": 0.5}
    async with serving_with() as client_at:
        made = await client_at().post("/rest/_keys", json=wanted)
        assert made.status_code == 201, made.text
        client = client_at(key=made.json()["key"])
        query = {"query": "{ __typename }"}
        answers = [
            *[await client.get("/rest/nowhere") for _ in range(3)],
            *[await client.post("/graphql", json=query) for _ in range(3)],
            await client.get("/rest/nowhere"),
        ]
        assert [each.status_code for each in answers] == [403, 403, 403, 200, 200, 429, 429]
        assert answers[5].json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert answers[6].json()["message"] == "Too many requests: this key may send 0.5 a second."
        assert {check_wait(each) for each in answers[5:]} == {check_wait(answers[5])}
        assert (await client_at().get("/rest/nowhere")).status_code == 404


def key(rate: float | None = None) -> Principal:
    return Principal(name="api", id="key:a", rate=rate)


USER = Principal(name="ann@example.com", id="user:1")
RATES = Rates(key=2, user=1)


async def allowed(limiter: RateLimiter, principal: Principal, most: int = 100) -> int:
    """How many requests pass before the first is refused."""
    for number in range(most):
        try:
            await limiter.spend(OUTSIDE, principal)
        except TooManyRequests:
            return number
    return most


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        (key(), 20),
        (key(0.5), 5),
        (key(3), 30),
        (key(0.05), 1),
        (key(0), 100),
        (USER, 10),
        (FULL_ACCESS, 100),
    ],
)
async def test_each_caller_has_the_rate_of_its_kind_or_its_own(
    principal: Principal, expected: int
) -> None:
    assert await allowed(RateLimiter(RATES), principal) == expected


async def test_callers_are_counted_apart() -> None:
    limiter = RateLimiter(RATES)
    assert await allowed(limiter, key()) == 20
    assert await allowed(limiter, Principal(name="api", id="key:b")) == 20
    assert await allowed(limiter, USER) == 10
    with pytest.raises(TooManyRequests) as caught:
        await limiter.spend(OUTSIDE, USER)
    assert caught.value.message == "Too many requests: this user may send 1 a second."
    assert 1 <= caught.value.retry_after <= 20


async def test_who_waits_may_ask_again() -> None:
    limiter = RateLimiter(Rates(key=2))
    assert await allowed(limiter, key(20)) == 100
    assert await allowed(limiter, key(5)) == 50
    with pytest.raises(TooManyRequests) as caught:
        await limiter.spend(OUTSIDE, key(5))
    await asyncio.sleep(caught.value.retry_after)
    assert await allowed(limiter, key(5)) >= 1


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_one_customer_has_many_ipv6_addresses(address: str, group: str) -> None:
    assert group_of(address) == group


async def test_a_refusal_costs_no_look_at_the_key(serving_with: Serving) -> None:
    async with serving_with(rate_address=1) as client_at:
        client = client_at(key="0" * 24)
        for _ in range(10):
            assert (await client.get("/rest/users")).status_code == 403
        answer = await client.get("/rest/users")
        assert answer.json()["message"] == "Too many requests: this address may send 1 a second."
