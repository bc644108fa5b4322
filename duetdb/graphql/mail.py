"""``sendMail``: what ``POST /mail`` does, for the callers that may use that; others have no such
field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
)

from duetdb.app.service.mail.outbox import WARNING, Outbox
from duetdb.graphql.call import Call
from duetdb.graphql.coercion import Arguments
from duetdb.graphql.many import plain_rows
from duetdb.graphql.named_types import InputType, ObjectType
from duetdb.graphql.roots import Root
from duetdb.graphql.rows import Rows
from duetdb.graphql.selection import Compiler
from duetdb.graphql.types import ID, JSON, STRING, list_of, required

_PROPERTIES: Final[Mapping[str, tuple[Any, str]]] = {
    "to": (STRING, "Exactly one address."),
    "subject": (STRING, "One line."),
    "html": (JSON, "The HTML as a text, or for a template an object with its data."),
    "company": (STRING, "Whose mail it is, shown below it."),
    "sendername": (STRING, "The name beside the address that it comes from."),
    "reply_to": (STRING, "Where answers go."),
    "template": (STRING, "The name of a document in the collection `templates`."),
    "transport": (STRING, "Empty or `Gmail`; it is stored."),
    "attachments": (list_of(ID), "Ids of files."),
}
_INPUT: Final = InputType(
    "MailInput",
    lambda: {
        name: GraphQLInputField(kind, description=told)
        for name, (kind, told) in _PROPERTIES.items()
    },
    "A mail; `to` and `html` are required.",
)
_COPY: Final = ObjectType(
    "MailCopy",
    lambda: {"email_outbound_id": GraphQLField(cast(GraphQLOutputType, required(ID)))},
    "Where the copy of a mail is, and how far it has come.",
)
_OUTPUT: Final = ObjectType(
    "MailResult",
    lambda: {
        "result": GraphQLField(cast(GraphQLOutputType, required(list_of(_COPY)))),
        "warning": GraphQLField(cast(GraphQLOutputType, STRING)),
    },
    "The copies of the mails, in order.",
)

MUTATIONS: Final[Mapping[str, GraphQLField]] = {
    "sendMail": GraphQLField(
        _OUTPUT,
        {"mail": GraphQLArgument(required(list_of(_INPUT)))},
        description="Sends one mail or several, all or none.",
    )
}


@dataclass
class MailRoot(Root):
    """The field; ``rows`` makes its answer."""

    outbox: Outbox
    arguments: Arguments
    rows: Rows

    async def run(self, call: Call) -> Any:
        mails = self.arguments.read(call.variables)["mail"]
        ids = await self.outbox.send(mails, call.principal)
        answer = {
            "result": [{"email_outbound_id": str(each)} for each in ids],
            "warning": None if self.outbox.sends else WARNING,
        }
        return self.rows((answer,))[0]


def mail_root(
    outbox: Outbox,
    compiler: Compiler,
    definition: GraphQLField,
    key: str,
    nodes: Sequence[FieldNode],
) -> MailRoot:
    """The root of the field of ``MUTATIONS``."""
    type_ = cast(GraphQLObjectType, get_named_type(definition.type))
    rows = plain_rows(compiler, type_, nodes)
    return MailRoot(key, nodes[0], True, outbox, Arguments(definition, nodes[0]), rows)
