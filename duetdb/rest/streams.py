"""``.csv`` and ``.ndjson``: all that matches, in flat memory, as it comes (SPEC 6.1)."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import replace
from typing import Final, Protocol
from urllib.parse import quote

from duetdb.app.http.streaming import Streaming
from duetdb.app.service.csv_encoding import CsvWriter, declared_columns
from duetdb.app.service.encoding import dumps
from duetdb.app.service.errors import BadQuery
from duetdb.app.service.query import Document, Filter
from duetdb.rest.call import Call
from duetdb.rest.fields import Fields, parse_fields
from duetdb.rest.formats import CSV
from duetdb.rest.hints import hints_of, wants_meta
from duetdb.rest.links import Change, bare_ids, change_of, link_change, only_ids
from duetdb.rest.paging import page_of
from duetdb.rest.plans import Plan
from duetdb.schema_gen.field import Relation
from duetdb.schema_gen.model import ALWAYS_VISIBLE, SYSTEM_FIELDS, Collection

_CHUNK: Final = 64 * 1024
"""Bytes that are encoded before they are sent and others get their turn."""
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")


class Writer(Protocol):
    """Turns documents into the bytes of a stream."""

    def head(self) -> bytes: ...

    def row(self, document: Document) -> bytes: ...


class _Lines:
    """One JSON text per line."""

    def head(self) -> bytes:
        return b""

    def row(self, document: Document) -> bytes:
        return dumps(document) + b"\n"


async def streamed(call: Call, plan: Plan, within: Filter) -> Streaming:
    """All documents inside ``within`` that the parameters describe.

    ``max`` counts when it is given, and has no ceiling. Raises what a list
    raises, and ``BadQuery`` for parameters that make no list of documents.
    """
    limits, collection = call.service.limits, plan.collection
    address = tuple(call.segments)
    page = page_of(call.params, plan, call.part.schema, limits, within, address, endless=True)
    if page.totals:  # ignoring it would give an answer to another question
        raise BadQuery("A stream has no totals and no count.", hint="Ask for them as .json.")
    if call.form is CSV:
        query = replace(page.query, expand=only_ids(page.query.expand), described=())
        writer: Writer = CsvWriter(columns_of(call, collection), collection)
        change = link_change(call, collection) or bare_ids(query.expand)
    else:
        query, writer, change = page.query, _Lines(), change_of(call, collection)
    documents = call.service.stream(query, call.principal)
    chunks = _chunks(documents, writer, change, page.without_id)
    patience = limits.stream_ms / 1000
    return await Streaming.begun(chunks, _headers(call), patience, call.receive)


async def _chunks(
    documents: AsyncGenerator[Document, None],
    writer: Writer,
    change: Change | None,
    without_id: bool,
) -> AsyncGenerator[bytes, None]:
    parts = [writer.head()]
    size = 0
    async with aclosing(documents):
        async for document in documents:
            if change is not None:
                change(document)
            if without_id:
                document.pop("_id", None)
            line = writer.row(document)
            parts.append(line)
            size += len(line)
            if size >= _CHUNK:
                yield b"".join(parts)
                parts.clear()
                size = 0
    yield b"".join(parts)


def columns_of(call: Call, collection: Collection) -> list[str]:
    """The header: system fields as a list shows them, then the declared fields.

    ``h.$fields`` chooses among them, and may name undeclared fields too. The
    parts of objects have columns of their own.
    """
    hints = hints_of(call.params)
    meta = wants_meta(call.params, hints)
    fields = parse_fields(hints.get("$fields"), collection)
    declared = declared_columns(collection)
    if fields.include:
        shown = [*(SYSTEM_FIELDS if meta else ("_id",)), *_chosen(fields, declared, collection)]
    else:
        children = collection.children if call.params.flag("fetchchildren") else ()
        found = [*_system_columns(collection, meta), *declared, *(each.name for each in children)]
        shown = [each for each in found if not _is_inside(each, fields.paths)]
    return [each for each in dict.fromkeys(shown) if each != "_id" or not fields.without_id]


def _system_columns(collection: Collection, meta: bool) -> list[str]:
    """The system fields of a list; those of children only where there can be any."""
    has_parents = any(each.field.relation is Relation.CHILD for each in collection.referrers)
    visible = ALWAYS_VISIBLE if has_parents else ("_id",)
    return [name for name in SYSTEM_FIELDS if meta or name in visible]


def _chosen(fields: Fields, declared: list[str], collection: Collection) -> Iterable[str]:
    """The columns of the included paths, in their order."""
    for path in fields.paths:
        if _is_inside(path, [each for each in fields.paths if each != path]):
            continue
        parts = [each for each in declared if _is_inside(each, (path,))]
        lists = [each for each in declared if _is_inside(path, (each,))]
        lists = [each for each in lists if collection.by_path[each].is_list]
        yield from parts or lists or [path]


def _is_inside(path: str, paths: Iterable[str]) -> bool:
    return any(path == each or path.startswith(f"{each}.") for each in paths)


def _headers(call: Call) -> dict[str, str]:
    name = f"{call.segments[-1]}.{call.form.suffix}"
    plain, exact = _UNSAFE.sub("_", name), quote(name, safe="")
    return {
        "content-type": call.form.content_type,
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}",
        "x-content-type-options": "nosniff",
    }
