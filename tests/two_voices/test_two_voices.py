"""REST and GraphQL give the same answer to the same question, whatever the schema.

Hypothesis draws schemas, documents and requests; the run prints how often each
field type was drawn and fails if one never was.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from duetdb.app.main import create_app
from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import KEY, make_settings
from tests.files import insert_files
from tests.two_voices.cases import CASES, Scene
from tests.two_voices.schemas import draw_schema
from tests.two_voices.talk import Talk
from tests.two_voices.values import DIRTY, ELEMENTS, FILES

SCHEMAS = 80
CASES_EACH = 30
EVERY_TYPE = {*ELEMENTS, "object", "one", "many", "child", "multiple"}


def test_both_voices_say_the_same(mongod: EmbeddedMongod) -> None:
    drawn: Counter[str] = Counter()
    cases: Counter[str] = Counter()
    with asyncio.Runner() as runner:
        app_settings = make_settings(mongod.uri)
        engine = runner.run(connect(app_settings))
        app = create_app(app_settings, engine)
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        runner.run(insert_files(engine.database, *FILES))
        transport = httpx.ASGITransport(app=app)
        client = httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers={"x-apikey": KEY}
        )

        @settings(
            max_examples=SCHEMAS,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.data())
        def example(data: st.DataObject) -> None:
            runner.run(_one_schema(client, app.state.service, data, drawn, cases))

        try:
            example()
        finally:
            runner.run(client.aclose())
            runner.run(lifespan.__aexit__(None, None, None))
            runner.run(engine.client.drop_database(engine.database.name))
            runner.run(engine.client.close())
    print(f"{sum(cases.values())} examples: {dict(cases)}; types drawn: {dict(drawn)}")
    assert sum(cases.values()) >= 2_000
    assert not EVERY_TYPE - set(drawn), f"never drawn: {EVERY_TYPE - set(drawn)}"
    assert not {case.__name__ for case in CASES} - set(cases)


async def _one_schema(
    client: httpx.AsyncClient,
    service: Any,
    data: st.DataObject,
    drawn: Counter[str],
    cases: Counter[str],
) -> None:
    drawing = draw_schema(data.draw)
    put = await client.put("/rest/_meta", json={"collections": drawing.definitions})
    assert put.status_code in (200, 201), put.text
    drawn.update(drawing.types)
    collections = [service.catalog.collection(each["name"]) for each in drawing.definitions]
    scenes = [
        Scene(Talk(client, each), definition, service.engine.database[each.name])
        for each, definition in zip(collections, drawing.definitions, strict=True)
    ]
    for scene, other in zip(scenes, reversed(scenes), strict=True):
        scene.other = other
    for _ in range(CASES_EACH):
        scene = data.draw(st.sampled_from(scenes))
        case = data.draw(st.sampled_from(CASES))
        cases[case.__name__] += 1
        await case(scene, data.draw)
    for each in drawing.definitions:
        await client.delete(f"/rest/{each['name']}/_meta", params={"drop": "true"})


def test_dirty_values_are_of_many_kinds() -> None:
    assert len({type(each) for each in DIRTY}) == len(DIRTY)
