"""What both interfaces answer to random questions is what a plain evaluation answers.

Each test counts the questions whose answers were compared. Together they are more than 5,000:
lists and their counts, groups, different values, and the figures of GraphQL.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.oracle.aggregates import aggregated
from tests.oracle.allowed import Watch
from tests.oracle.asking import Mouth, Refused, staged
from tests.oracle.conditions import Filters
from tests.oracle.evaluate import Question, has_parallel_lists, matching, page, shown
from tests.oracle.figures import FigureAsker
from tests.oracle.groups import count_of, distinct, grouped
from tests.oracle.questions import Asked, Asker
from tests.oracle.scenes import OTHERS, THINGS, make_scene
from tests.oracle.values import Json, alike, wire
from tests.oracle.world import World
from tests.voice_graphql.running import Server, hand_driven

NOON = datetime(2024, 5, 17, 12, 30)
Compare: TypeAlias = Callable[["Stage", World, Any], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Stage:
    """A server at noon, whoever asks it, and whoever watches its database."""

    server: Server
    runner: asyncio.Runner
    mouth: Mouth
    watch: Watch
    seen: Counter[str]

    def play(
        self, scenes: int, questions: int, compare: Compare, who: type[Filters] = Asker
    ) -> None:
        """Compares the answers to questions of ``who`` about random documents."""

        @settings(
            max_examples=scenes,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.randoms(use_true_random=True))
        def scene(random: Random) -> None:
            world = self.runner.run(staged(self.server.voice, make_scene(random), NOON))
            things, others = world.collections[THINGS], world.collections[OTHERS]
            ids = [*things.by_id, *others.by_id]
            asker = who(random, THINGS, things.definition["fields"], ids)
            for _ in range(questions):
                self.runner.run(compare(self, world, asker))

        scene()
        print(dict(self.seen))
        assert self.watch.strange == set()


@contextmanager
def _if_ordered(question: Question, world: World, seen: Counter[str]) -> Iterator[None]:
    """Without an answer where MongoDB cannot put the documents in order."""
    try:
        yield
    except Refused as refusal:
        if "hold lists in one document" not in refusal.message:
            raise
        check(has_parallel_lists(question, world), True, question, world)
        seen["not ordered"] += 1


@pytest.fixture
def stage(mongod: EmbeddedMongod, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr("duetdb.app.service.filters.parse.now", lambda: NOON)
    watch = Watch(THINGS, OTHERS)
    with hand_driven(mongod, watch) as (server, runner):
        yield Stage(server, runner, Mouth(server.voice), watch, Counter())


async def _list(stage: Stage, world: World, asker: Asker) -> None:
    asked = asker.asked()
    question = asked.question
    found = page(question, world)
    expected = [shown(question, world, each) for each in found]
    ids = [str(each["_id"]) for each in found]
    number = len(matching(question, world))
    check((await stage.mouth.count(question))["totals"]["count"], number, asked, world)
    stage.seen["counts"] += 1
    with _if_ordered(question, world, stage.seen):
        check(await stage.mouth.documents(question), expected, asked, world)
        stage.seen["lists"] += 1
        if asked.order_by is None:
            return
        check(await stage.mouth.graphql(asked, "q", dict(question.q)), ids, asked, world)
        stage.seen["lists by q in GraphQL"] += 1
        if asked.where is not None:
            check(await stage.mouth.graphql(asked, "where", asked.where), ids, asked, world)
            stage.seen["lists by where in GraphQL"] += 1


def test_lists(stage: Stage) -> None:
    stage.play(scenes=125, questions=20, compare=_list)
    assert stage.seen["lists"] > 2_250
    assert stage.seen["lists by q in GraphQL"] > 1_000
    assert stage.seen["lists by where in GraphQL"] > 500


async def _groups(stage: Stage, world: World, asker: Asker) -> None:
    asked = asker.grouping()
    total = len(matching(asked.question, world))
    expected = {
        "data": grouped(asked, world),
        "totals": _totals(asked.question, total, count_of(asked, world)),
    }
    with _if_ordered(asked.question, world, stage.seen):
        check(await stage.mouth.groups(asked), expected, asked, world)
        stage.seen["groups"] += 1


def test_groups(stage: Stage) -> None:
    stage.play(scenes=90, questions=14, compare=_groups)
    assert stage.seen["groups"] > 1_200


async def _distinct(stage: Stage, world: World, asker: Asker) -> None:
    path, question = asker.place(), asker.asked().question
    values = [wire(each) for each in distinct(path, question, world)]
    found = values[question.skip : question.skip + question.max]
    expected = {"data": found, "totals": _totals(question, len(values), len(found))}
    check(await stage.mouth.distinct(path, question), expected, (path, question), world)
    stage.seen["distinct"] += 1


def test_distinct(stage: Stage) -> None:
    stage.play(scenes=50, questions=12, compare=_distinct)
    assert stage.seen["distinct"] >= 600


async def _figures(stage: Stage, world: World, asker: FigureAsker) -> None:
    asked = asker.aggregation()
    expected = aggregated(asked.aggregation, world)
    check(await stage.mouth.figures(asked), expected, asked, world)
    stage.seen["figures in GraphQL"] += 1


def test_figures_of_graphql(stage: Stage) -> None:
    stage.play(scenes=80, questions=14, compare=_figures, who=FigureAsker)
    assert stage.seen["figures in GraphQL"] >= 1_120


async def _spoiled(stage: Stage, world: World, asker: Asker) -> None:
    q = asker.spoiled()
    sent = stage.watch.questions
    asked = Asked(Question(collection=THINGS, q=q), None, [])
    for answer in (stage.mouth.documents(asked.question), stage.mouth.graphql(asked, "q", q)):
        with pytest.raises(Refused):
            await answer
    check(stage.watch.questions, sent, q, world)
    stage.seen["spoiled"] += 1


def test_other_operators_are_refused_and_nothing_is_asked(stage: Stage) -> None:
    stage.play(scenes=10, questions=40, compare=_spoiled)
    assert stage.seen["spoiled"] >= 400


def _totals(question: Question, total: int, count: int) -> Json:
    return {"total": total, "count": count, "skip": question.skip, "max": question.max}


def check(answer: Any, expected: Any, asked: Any, world: World) -> None:
    """Equal answers, or all that is needed to see why not."""
    if not alike(answer, expected):
        stored = [
            f"{name}: {wire(each)}"
            for name, collection in world.collections.items()
            for each in collection.documents
        ]
        lines = [repr(asked), *stored, f"answer: {answer!r}", f"expected: {expected!r}"]
        raise AssertionError("\n".join(lines))
