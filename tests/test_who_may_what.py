"""Who may do what: every request as REST and as GraphQL, for every kind of caller."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from duetdb.app.http.credentials import Callers
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.access.authoriser import Authoriser
from duetdb.app.service.errors import Forbidden, Unauthenticated
from duetdb.app.service.principal import ANONYMOUS, FULL_ACCESS, Principal, require_full
from duetdb.app.service.writing.writer import Writer
from tests.access.who_reads import READING, SECRETS
from tests.access.who_row import Row
from tests.access.who_server import EVERYBODY, Answered, Table, table_of
from tests.access.who_writes import ADMINISTRATION, WRITING, WRITTEN_SECRETS

ROWS = (*READING, *SECRETS, *WRITING, *WRITTEN_SECRETS, *ADMINISTRATION)

NOT_LET_IN = frozenset(("anonymous", "revoked", "inactive"))
_REFUSALS = {"rest": {403}, "graphql": {400, 403}}
"""400 is what GraphQL says of a field that is not there."""


@pytest.fixture(scope="module")
def served(mongod: EmbeddedMongod) -> Iterator[tuple[Table, asyncio.Runner]]:
    with table_of(mongod) as made:
        yield made


async def asked(table: Table, row: Row, who: str) -> dict[str, Answered]:
    """What each interface answers, from the same state of the database."""
    found: dict[str, Answered] = {}
    if row.rest is not None:
        method, path, more = row.rest
        found["rest"] = await table.rest(who, method, path, **more)
        if row.changes:
            await table.reset()
    if row.graphql is not None:
        query, variables = row.graphql
        found["graphql"] = await table.graphql(who, query, variables, row.graphql_path)
        if row.changes:
            await table.reset()
    return found


def granted(row: Row, answered: Answered) -> bool:
    if answered.status >= 300:
        return False
    return row.sign is None or row.sign(answered)


async def verdicts(table: Table, row: Row) -> dict[tuple[str, str], Answered]:
    await table.reset()
    return {
        (who, interface): answered
        for who in EVERYBODY
        for interface, answered in (await asked(table, row, who)).items()
    }


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_both_interfaces_allow_and_refuse_the_same(
    served: tuple[Table, asyncio.Runner], row: Row
) -> None:
    table, runner = served
    found = runner.run(verdicts(table, row))
    shown = {cell: f"{each.status} {each.text[:300]}" for cell, each in found.items()}
    for (who, interface), answered in found.items():
        allowed = who in row.allowed
        assert granted(row, answered) is allowed, (who, interface, shown[who, interface])
        if who in NOT_LET_IN:
            expected = {401 if who == "anonymous" else 403}
        elif row.sign is None:
            expected = _REFUSALS[interface]
        else:  # it is as if there was nothing of the kind
            expected = _REFUSALS[interface] | {200, 400, 404}
        assert allowed or answered.status in expected, (who, interface, shown[who, interface])


def _refused(row: Row) -> list[str]:
    return [who for who in EVERYBODY if who not in row.allowed]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_authoriser_alone_refuses_what_is_refused(
    served: tuple[Table, asyncio.Runner], row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody is let in, and sees the whole schema: what the interfaces say is no lock."""
    table, runner = served
    let_everybody_in(monkeypatch)
    show_everything(monkeypatch, table)
    with capture_logs():  # a collection that is not narrowed is a mistake of ours, and is logged
        found = runner.run(verdicts(table, row))
    for (who, interface), answered in found.items():
        if who not in row.allowed:
            assert not granted(row, answered), (who, interface, answered.text[:300])


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_without_the_authoriser_nothing_is_refused(
    served: tuple[Table, asyncio.Runner], row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So each refusal of the table is its doing, and would be missed."""
    table, runner = served
    let_everybody_in(monkeypatch)
    show_everything(monkeypatch, table)
    take_out_the_authoriser(monkeypatch)
    found = runner.run(verdicts(table, row))
    for (who, interface), answered in found.items():
        assert granted(row, answered), (who, interface, answered.text[:300])


def test_every_row_refuses_somebody_and_allows_somebody() -> None:
    assert [row.name for row in ROWS if not row.allowed or not _refused(row)] == []
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert {who for row in ROWS for who in row.allowed} == {*EVERYBODY} - NOT_LET_IN
    assert all(NOT_LET_IN.isdisjoint(row.allowed) for row in ROWS)


def let_everybody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not identified, or not accepted, comes to the authoriser as nobody."""
    verified = Callers.caller_of

    async def caller_of(self: Callers, scope: Any) -> Principal:
        try:
            return await verified(self, scope)
        except (Unauthenticated, Forbidden):
            return ANONYMOUS

    monkeypatch.setattr(Callers, "caller_of", caller_of)


def show_everything(monkeypatch: pytest.MonkeyPatch, table: Table) -> None:
    """All callers see the schema as the full-access key does."""
    catalog = table.app.state.service.catalog

    async def generation(principal: Principal) -> Any:
        return catalog.current

    monkeypatch.setattr(catalog, "generation", generation)


def take_out_the_authoriser(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would narrow stays as it is; what only the full-access key may, all may."""
    narrowing = {"read", "aggregate", "distinct", "create", "update", "delete", "update_many"}
    deciding = {"admit", "may_read"}
    assert {each for each in vars(Authoriser) if each[0] != "_"} == narrowing | deciding
    for name in narrowing:
        monkeypatch.setattr(Authoriser, name, lambda self, value, principal: value)
    for name in deciding:
        monkeypatch.setattr(Authoriser, name, lambda self, *asked: True)
    for module in list(sys.modules.values()):
        if getattr(module, "require_full", None) is require_full:
            monkeypatch.setattr(module, "require_full", lambda principal: None)
    for name in ("delete_matching", "update_many"):
        monkeypatch.setattr(Writer, name, _as_full(getattr(Writer, name)))


def _as_full(write: Callable[..., Any]) -> Callable[..., Any]:
    """Writes by a filter look at the caller once more."""
    return lambda self, value, principal: write(self, value, FULL_ACCESS)
