"""Keys in GraphQL, for the holder of the full-access key alone: others have no such fields."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
)

from duetdb.app.service.keys.key_admin import KeyAdmin
from duetdb.graphql.call import Call, count_of
from duetdb.graphql.coercion import Arguments
from duetdb.graphql.many import plain_rows
from duetdb.graphql.named_types import InputType, ObjectType
from duetdb.graphql.roots import Root
from duetdb.graphql.rows import Rows
from duetdb.graphql.scalars import DECLARED
from duetdb.graphql.selection import Compiler
from duetdb.graphql.types import ID, INT, JSON, STRING, list_of, required

_FLOAT: Final[Any] = DECLARED["Float"]
_DATE_TIME: Final[Any] = DECLARED["DateTime"]

_RIGHTS: Final[Mapping[str, tuple[Any, str]]] = {
    "description": (STRING, "What the key is for."),
    "origins": (list_of(STRING), "Sites whose pages may use it; `loopback`, or `*` for anywhere."),
    "methods": (list_of(STRING), "What it may do: GET, POST, PUT, PATCH, DELETE."),
    "paths": (list_of(STRING), "What it may reach below /rest: `/posts/**`."),
    "realtime": (list_of(STRING), "Events that it may hear of: `POST:posts`."),
    "filter": (JSON, "What every document must match, in the REST query language."),
    "readable": (list_of(STRING), "Fields that it may read; none: all that are not hidden."),
    "writable": (list_of(STRING), "Fields that it may write; none: all that it may read."),
    "expires": (_DATE_TIME, "Until when it counts; null: for ever."),
    "rate": (_FLOAT, "Requests a second; null: what the server allows."),
}
_INPUT: Final = InputType(
    "WebKeyInput",
    lambda: {
        name: GraphQLInputField(kind, description=told) for name, (kind, told) in _RIGHTS.items()
    },
    "What a web key may do; null is the default.",
)
_OUTPUT: Final = ObjectType(
    "WebKey",
    lambda: {
        "_id": GraphQLField(cast(GraphQLOutputType, required(ID))),
        "key": GraphQLField(
            cast(GraphQLOutputType, STRING),
            description="The key itself: in the answer of the mutation that made it, and never "
            "again.",
        ),
        "prefix": GraphQLField(cast(GraphQLOutputType, STRING), description="How it begins."),
        **{name: GraphQLField(kind, description=told) for name, (kind, told) in _RIGHTS.items()},
        "created": GraphQLField(_DATE_TIME),
        "changed": GraphQLField(_DATE_TIME),
    },
    "A key with limited rights; of the full-access key only `_id`, which is `full`, and `key`.",
)
_ID: Final = GraphQLArgument(required(ID))
_DATA: Final = GraphQLArgument(required(_INPUT))

QUERIES: Final[Mapping[str, GraphQLField]] = {
    "keys": GraphQLField(
        required(list_of(_OUTPUT)),
        {"skip": GraphQLArgument(INT), "max": GraphQLArgument(INT)},
        description="The web keys, the oldest first.",
    ),
}
MUTATIONS: Final[Mapping[str, GraphQLField]] = {
    "createKey": GraphQLField(_OUTPUT, {"data": _DATA}, description="Makes a web key."),
    "updateKey": GraphQLField(
        _OUTPUT, {"id": _ID, "data": _DATA}, description="Changes what `data` names."
    ),
    "revokeKey": GraphQLField(
        cast(GraphQLOutputType, ID), {"id": _ID}, description="Nobody gets in by it any more."
    ),
    "resetKey": GraphQLField(
        _OUTPUT,
        {"id": _ID},
        description="Puts a new key in place of one; `full` is the id of the full-access key.",
    ),
}

Given: TypeAlias = Mapping[str, Any]
Act: TypeAlias = Callable[[KeyAdmin, Given, Call], Awaitable[Any]]


async def _keys(admin: KeyAdmin, given: Given, call: Call) -> Any:
    limits = call.service.limits
    most = count_of("max", given.get("max"), limits.page_default, limits.page_ceiling)
    skip = count_of("skip", given.get("skip"), 0, None)
    return await admin.page(call.principal, skip, most) if most else []


async def _create(admin: KeyAdmin, given: Given, call: Call) -> Any:
    return await admin.create(given["data"], call.principal)


async def _update(admin: KeyAdmin, given: Given, call: Call) -> Any:
    return await admin.update(given["id"], given["data"], call.principal)


async def _revoke(admin: KeyAdmin, given: Given, call: Call) -> Any:
    await admin.revoke(given["id"], call.principal)
    return given["id"]


async def _reset(admin: KeyAdmin, given: Given, call: Call) -> Any:
    return await admin.reset(given["id"], call.principal)


_ACTS: Final[Mapping[str, Act]] = {
    "keys": _keys,
    "createKey": _create,
    "updateKey": _update,
    "revokeKey": _revoke,
    "resetKey": _reset,
}


@dataclass
class KeyRoot(Root):
    """One of these fields; ``rows`` is None where it answers no object."""

    admin: KeyAdmin
    act: Act
    arguments: Arguments
    rows: Rows | None

    async def run(self, call: Call) -> Any:
        found = await self.act(self.admin, self.arguments.read(call.variables), call)
        if self.rows is None:
            return found
        return self.rows(found) if isinstance(found, list) else self.rows((found,))[0]


def key_root(
    admin: KeyAdmin,
    compiler: Compiler,
    definition: GraphQLField,
    key: str,
    nodes: Sequence[FieldNode],
) -> KeyRoot:
    """The root of a field of ``QUERIES`` or ``MUTATIONS``."""
    node = nodes[0]
    type_ = get_named_type(definition.type)
    rows = plain_rows(compiler, type_, nodes) if isinstance(type_, GraphQLObjectType) else None
    nullable = not isinstance(definition.type, GraphQLNonNull)
    arguments = Arguments(definition, node)
    return KeyRoot(key, node, nullable, admin, _ACTS[node.name.value], arguments, rows)
