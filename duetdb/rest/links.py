"""``idtolink`` and ``flatten``: ids as addresses, deep properties at the root (SPEC 9.1)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from starlette.types import Scope

from duetdb.app.service.encoding import id_text
from duetdb.app.service.query import Document, Expansion, Projection
from duetdb.app.service.stored_names import holders
from duetdb.rest.call import Call
from duetdb.schema_gen.field import Relation
from duetdb.schema_gen.model import Collection

Change: TypeAlias = Callable[[Document], None]
"""What a parameter does to one document, in place."""

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
_ONLY_ID: Final = Projection(("_id",), include=True)
_MOST_ADDED: Final = 1000
"""Properties that ``flatten`` adds to one document."""
_LONGEST_ADDED: Final = 200
"""Characters of their names."""
_AT_ONCE: Final = 200
"""Documents that are changed before others get their turn."""


async def shape(call: Call, collection: Collection, documents: Iterable[Document]) -> None:
    """Changes the documents in place as ``idtolink`` and ``flatten`` ask."""
    change = change_of(call, collection)
    if change is not None:
        for place, document in enumerate(documents, 1):
            change(document)
            if not place % _AT_ONCE:
                await asyncio.sleep(0)


def change_of(call: Call, collection: Collection) -> Change | None:
    """What ``idtolink`` and ``flatten`` do to each document; None when nothing is asked."""
    links = link_change(call, collection)
    if not call.params.flag("flatten"):
        return links

    def both(document: Document) -> None:
        if links is not None:
            links(document)
        flatten(document)

    return both


def link_change(call: Call, collection: Collection) -> Change | None:
    """What ``idtolink`` does to each document; None when it is not asked."""
    if not call.params.flag("idtolink"):
        return None
    return linking(collection, origin_of(call.scope))


def only_ids(expansions: Sequence[Expansion]) -> tuple[Expansion, ...]:
    """Child lists without more than their ids; references are ids as they are stored."""
    return tuple(
        replace(each, query=replace(each.query, projection=_ONLY_ID, expand=(), described=()))
        for each in expansions
        if each.field.relation is Relation.CHILD
    )


def bare_ids(expansions: Sequence[Expansion]) -> Change | None:
    """Puts bare ids in place of the child lists of ``only_ids``; None when there are none."""
    if not expansions:
        return None

    def change(document: Document) -> None:
        for each in expansions:
            document[each.key] = [child["_id"] for child in document[each.key]]

    return change


def linking(collection: Collection, origin: str) -> Change:
    """Puts addresses in place of the ids of references, media and fetched children."""
    places = [
        (field.path.split("."), address)
        for field in collection.all_fields
        if (address := _address(field, origin)) is not None
    ]

    def change(document: Document) -> None:
        for (*parents, name), address in places:
            for holder in holders(document, parents):
                value = holder.get(name)
                if value is not None:
                    ids = value if isinstance(value, list) else [value]
                    holder[name] = [_link(each, address) for each in ids]

    return change


def _address(field: Any, origin: str) -> str | None:
    """What stands before each id of the field in its link; None for fields without ids."""
    if field.relation is not None:
        return f"{origin}/rest/{quote(field.collection, safe='')}/"
    return f"{origin}/media/" if field.type.media else None


def _link(value: Any, address: str) -> Any:
    """The link to what an id, or a document with one, means; anything else as it is."""
    if isinstance(value, dict):
        value = value.get("_id", value)
    if value is None or isinstance(value, dict | list):
        return value
    return address + quote(id_text(value), safe="")


def origin_of(scope: Scope) -> str:
    """Where this server is for the caller: the scheme and host of the request.

    The scheme is what a trusted proxy says in ``X-Forwarded-Proto``; other
    forwarded headers are not believed, so a proxy must pass ``Host`` on. A host
    that is not one is not repeated: the address of the socket stands for it.
    """
    host = next((str(v, "latin-1") for name, v in scope["headers"] if name == b"host"), "")
    if not _HOST.fullmatch(host):
        name, port = scope.get("server") or ("localhost", None)
        name = f"[{name}]" if ":" in name else name
        host = f"{name}:{port}" if port else "localhost"  # without a port it is a socket file
    return f"{scope['scheme']}://{host}{scope.get('root_path', '')}"


def flatten(document: Document) -> None:
    """Repeats deep values at the root under the names of their steps, joined by ``_``.

    ``{"company": [{"name": "Acme"}]}`` gets ``company_0_name``. What is there
    stays; system fields are left alone, and the number and length of the names
    that are added are bounded.
    """
    room = _MOST_ADDED
    for name, value in list(document.items()):
        if name.startswith("_") or not isinstance(value, dict | list):
            continue
        for deep, each in _leaves(name, value):
            if deep not in document:
                if not room:
                    return
                document[deep] = each
                room -= 1


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict | list):
        yield name, value
        return
    for step, each in value.items() if isinstance(value, dict) else enumerate(value):
        deeper = f"{name}_{step}"
        if len(deeper) <= _LONGEST_ADDED:
            yield from _leaves(deeper, each)
