"""Operations carried out by MongoDB make of a document what they make of one read and written back.

Two collections have the same fields; one has a formula besides, on which it is
always read. MongoDB itself is the oracle of the other.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson import Decimal128, Int64, ObjectId
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pymongo.monitoring import CommandListener, CommandStartedEvent

from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.errors import BadRequest, ValidationFailed
from duetdb.app.service.query import Operation
from duetdb.app.service.writing.operations import OPERATORS
from tests.conftest import make_settings
from tests.writing import Desk, codes, open_desk

EXAMPLES = 1000

SCALARS = [
    {"name": "whole", "type": "number"},
    {"name": "double", "type": "float_number"},
    {"name": "money", "type": "money"},
    {"name": "text", "type": "text", "searchable": False},
    {"name": "day", "type": "date"},
]
LISTS = [
    {"name": "texts", "type": "text", "multiple": True, "searchable": False},
    {"name": "numbers", "type": "float_number", "multiple": True},
]
FIELDS = [
    *SCALARS,
    *LISTS,
    {"name": "any", "type": "JSON"},
    {"name": "inner", "type": "object", "fields": [*SCALARS[:2], *LISTS]},
    {"name": "inners", "type": "object", "multiple": True, "fields": [*SCALARS[:2], *LISTS[:1]]},
    {"name": "kept", "type": "number", "required": True},
    {"name": "owed", "type": "money", "required": True},
    {"name": "said", "type": "JSON", "required": True},
]
ROOTS = [*(str(field["name"]) for field in FIELDS), "free", "other"]
NEVER = [
    {"name": "never", "type": "number"},
    {"name": "sum", "type": "number", "formula": "{{never}} + 1"},
]
"""A formula without a value: whether there is one, only reading the document can tell."""

integers = st.sampled_from([0, 1, -1, 2, 7, 2**31 - 1, 2**53, 2**62, 2**63 - 1, -(2**63)])
doubles = st.sampled_from([0.0, -0.0, 0.5, 1.0, 2.0, 1e300, 1.7e308])
texts = st.sampled_from(["", "a", "b", "B", "é", "𝄞", "1", "2020-02-03", "1.5"])
scalars = st.one_of(integers, doubles, texts, st.booleans(), st.none())
operands = st.one_of(
    scalars,
    st.lists(scalars, max_size=3),
    st.lists(st.lists(scalars, max_size=2), max_size=2),
    st.dictionaries(st.sampled_from(["whole", "texts", "a"]), scalars, max_size=2),
    st.lists(scalars, max_size=3).map(lambda each: {"$each": each}),
    st.lists(scalars, max_size=3).map(lambda each: {"$in": each}),
)
stored_scalars = st.one_of(
    scalars,
    integers.map(Int64),
    st.sampled_from(
        [Decimal128("1.5"), Decimal128("2.0"), float("nan"), float("inf"), datetime(2020, 2, 3)]
    ),
)
stored_values = st.recursive(
    stored_scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["whole", "texts", "0", "a"]), inner, max_size=3)
    ),
    max_leaves=5,
)
fitting: dict[str, Any] = {
    "whole": integers.map(Int64) | st.integers(-5, 5),
    "double": doubles,
    "money": st.sampled_from(["1", "1.1", "0.9", "12345678901234567890.25"]).map(Decimal128),
    "text": texts,
    "day": st.sampled_from([datetime(1999, 1, 1), datetime(2020, 2, 3), datetime(2030, 1, 1)]),
    "texts": st.lists(texts, max_size=3),
    "numbers": st.lists(doubles, max_size=3),
    "any": stored_values,
}
fitting["inner"] = st.fixed_dictionaries(
    {}, optional={name: fitting[name] for name in ("whole", "double", "texts", "numbers")}
)
fitting["inners"] = st.lists(
    st.fixed_dictionaries({}, optional={name: fitting[name] for name in ("whole", "texts")}),
    max_size=3,
)
KEPT = {"kept": 1, "owed": Decimal128("1.5"), "said": [1]}
clean = st.fixed_dictionaries(
    {
        "kept": st.integers(1, 5),
        "owed": fitting["money"],
        "said": st.lists(stored_values, min_size=1, max_size=2),
    },
    optional={name: fitting.get(name, stored_values) for name in ROOTS if name not in KEPT},
)
dirty = st.dictionaries(st.sampled_from(ROOTS), stored_values).map(lambda each: {**KEPT, **each})
documents = st.one_of(clean, clean, dirty)
inside = st.tuples(
    st.sampled_from(["inner", "inners", "any", "free", "texts", "other"]),
    st.sampled_from(["whole", "double", "texts", "numbers", "a", "0", "0.whole", "1.texts"]),
).map(".".join)
paths = st.sampled_from(ROOTS) | inside
numeric = st.sampled_from(
    ["whole", "double", "money", "kept", "owed", "inner.whole", "free", "other.a"]
)
listed = st.sampled_from(
    ["texts", "numbers", "inner.texts", "any", "said", "free", "other.a", "inners"]
)
amounts = st.sampled_from([1, -1, 1, 2, "1", 3.0, 0.5, "1.1", "0.9", 2**62, 1e308, "x", None])


def operation(names: str, on: Any, values: Any) -> Any:
    """Operations mostly on places that admit them, now and then on any."""
    return st.builds(Operation, st.sampled_from(names.split()), on | on | on | paths, values)


operations = st.lists(
    st.one_of(
        operation("inc", numeric, amounts),
        operation("min max", numeric, integers | doubles),
        operation("min max", st.sampled_from(["text", "day", "free", "any"]), texts | scalars),
        operation("push addToSet pull", listed, texts | doubles | operands),
        operation("set unset", inside, texts | integers | operands),
        operation("pop", listed, st.sampled_from([1, -1])),
        operation("rename", paths, paths),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda each: each.path.split(".")[0],
)


EACH_LIST_OPERATOR = [
    Operation("pull", "texts", "a"),
    Operation("push", "numbers", 1.5),
    Operation("addToSet", "free", "x"),
]
PUSH_TURNED_ROUND = Operation("addToSet", "free", {"a": 2, "b": 1})


class Finds(CommandListener):
    """Counts the documents that were read before they were written."""

    def __init__(self) -> None:
        self.count = 0

    def started(self, event: CommandStartedEvent) -> None:
        self.count += event.command_name == "find"

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


def test_both_ways_agree(mongod: EmbeddedMongod) -> None:
    finds = Finds()
    seen: Counter[str] = Counter()
    with asyncio.Runner() as runner:
        engine = runner.run(connect(make_settings(mongod.uri), [finds]))
        desk = runner.run(open_desk(engine, quick=FIELDS, slow=[*FIELDS, *NEVER]))
        for name in ("quick", "slow"):
            moderate = {"collMod": name, "validationLevel": "moderate"}
            runner.run(engine.database.command(moderate))

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(documents, operations)
        @example({**KEPT, "texts": ["a", "b"]}, EACH_LIST_OPERATOR)
        @example({**KEPT, "owed": Decimal128("1.1")}, [Operation("inc", "owed", "0.9")])
        @example({**KEPT, "whole": 1.0}, [Operation("inc", "whole", 1)])
        @example({**KEPT, "double": 1e308}, [Operation("inc", "double", 1e308)])
        @example({**KEPT, "double": float("nan")}, [Operation("inc", "double", 1)])
        @example({**KEPT, "free": [5]}, [Operation("min", "free", 3)])
        @example({**KEPT, "free": [{"b": 1, "a": 2}]}, [PUSH_TURNED_ROUND])
        def agree(document: dict[str, Any], chosen: list[Operation]) -> None:
            quick, read = runner.run(changed(desk, "quick", document, chosen, finds))
            slow, always = runner.run(changed(desk, "slow", document, chosen, finds))
            assert shown(quick) == shown(slow)
            if isinstance(quick, dict):
                assert always
                seen["read" if read else "native"] += 1
                seen.update(each.operator for each in chosen)

        try:
            agree()
        finally:
            runner.run(engine.client.drop_database(engine.database.name))
            runner.run(engine.client.close())
    print(dict(seen))
    assert min(seen[name] for name in ("native", "read", *OPERATORS)) > 0, seen
    assert seen["native"] > EXAMPLES / 10, seen


async def changed(
    desk: Desk, name: str, document: Mapping[str, Any], chosen: list[Operation], finds: Finds
) -> tuple[Any, bool]:
    """The document after the operations, or what is said against them; and whether it was read."""
    id_ = ObjectId()
    stored = desk.stored(name)
    await stored.insert_one({"_id": id_, **document}, bypass_document_validation=True)
    finds.count = 0
    try:
        answer = await desk.update(name, id_, {}, operations=tuple(chosen))
    except ValidationFailed as error:
        after = await stored.find_one({"_id": id_})
        assert shown(after) == shown({"_id": id_, **document})
        return [codes(error)], True
    except BadRequest as error:
        return [error.message], True
    read = finds.count > 0
    assert shown(answer) == shown(await stored.find_one({"_id": id_}))
    return answer, read


def shown(value: Any) -> Any:
    """A value that is equal to another only if both are stored alike; what differs anyway aside."""
    if isinstance(value, Mapping):
        aside = {"_id", "_changed"}
        return {name: shown(each) for name, each in value.items() if name not in aside}
    if isinstance(value, list):
        return [shown(each) for each in value]
    kind = int if isinstance(value, Int64) else type(value)
    return kind.__name__, str(value)
