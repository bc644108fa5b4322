"""The collection interface: lists, documents, and writes to them (SPEC 5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from duetdb.app.http.responses import JsonBytes
from duetdb.app.http.streaming import Streaming
from duetdb.app.service.errors import BadRequest, LimitExceeded, NotFound
from duetdb.app.service.filters.parse import parse_filter
from duetdb.app.service.query import (
    EVERYTHING,
    Create,
    Delete,
    Document,
    Filter,
    Parent,
    Projection,
    Query,
    Update,
    UpdateMany,
)
from duetdb.app.service.writing.operations import parse_operations
from duetdb.rest import present
from duetdb.rest.call import Call
from duetdb.rest.fields import parse_fields
from duetdb.rest.groups import Question
from duetdb.rest.hints import hints_of, wants_meta
from duetdb.rest.links import shape
from duetdb.rest.media import described
from duetdb.rest.paging import Page, expansions, page_of
from duetdb.rest.plans import EVERY_FIELD, PLAIN_FIELDS, Plan
from duetdb.rest.preconditions import by_id, etag, expected_version, refuse_tags
from duetdb.rest.references import expanded, referring
from duetdb.rest.streams import streamed
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.values import parse_id

_NARROWING = ("filter", "max", "skip", "h")
_READ_AND_VERSION = Projection(tuple(n for n in PLAIN_FIELDS.paths if n != "_version"))


async def list_documents(call: Call) -> JsonBytes | Streaming:
    """``GET /rest/C``"""
    return await list_within(call, call.plan(), EVERYTHING)


async def get_document(call: Call) -> JsonBytes:
    """``GET /rest/C/ID``"""
    plan = call.plan()
    document_id = id_of(plan.collection, call.segments[1])
    if call.params.flag("referencedby"):
        return await referring(call, plan, document_id)
    return await get_found(call, plan, by_id(document_id))


async def create_documents(call: Call) -> JsonBytes:
    """``POST /rest/C``"""
    return await create_within(call, call.plan(), None)


async def update_document(call: Call) -> JsonBytes:
    """``PUT`` and ``PATCH /rest/C/ID``"""
    plan = call.plan()
    document_id = id_of(plan.collection, call.segments[1])
    return await update_found(call, plan, document_id, by_id(document_id), None)


async def delete_document(call: Call) -> JsonBytes:
    """``DELETE /rest/C/ID``"""
    plan = call.plan()
    document_id = id_of(plan.collection, call.segments[1])
    return await delete_found(call, plan, document_id, by_id(document_id), None)


async def delete_documents(call: Call) -> JsonBytes:
    """``DELETE /rest/C/*``: the ids in the body, or what ``q`` selects, never both or neither."""
    refuse_tags(call)
    collection = call.plan().collection
    chosen = _chosen(call, collection)
    body = await call.body()
    if (chosen is None) == (body is None):
        raise BadRequest(
            "DELETE /* needs either ids in the body or a query in q.",
            hint='Send ["<id>", ...] as the body, or ?q={...}; q={} deletes every document.',
        )
    if chosen is not None:
        delete = Delete(collection=collection, filter=chosen)
        return present.deleted(await call.service.delete_matching(delete, call.principal))
    ids = _ids_of(collection, body, call.service.limits.bulk_documents)
    if not ids:
        return present.deleted(())
    gone = await call.service.delete(Delete(collection=collection, ids=ids), call.principal)
    found = {document["_id"] for document in gone}
    return present.deleted([each for each in ids if each in found])


async def update_documents(call: Call) -> JsonBytes:
    """``PATCH /rest/C/*``: changes what ``q`` selects, each document as a PATCH of it would."""
    refuse_tags(call)
    collection = call.plan().collection
    chosen = _chosen(call, collection)
    if chosen is None:
        raise BadRequest(
            "PATCH /* needs a query in q.",
            hint="Send ?q={...}; q={} changes every document.",
        )
    changes, operations = parse_operations(await call.object_body())
    update = UpdateMany(
        collection=collection, filter=chosen, changes=changes, operations=operations
    )
    return present.updated(await call.service.update_many(update, call.principal))


def _chosen(call: Call, collection: Collection) -> Filter | None:
    """What ``q`` selects for a write of many documents, None without it.

    Raises ``BadRequest`` for what selects less in a list: without it, more would
    be written than is meant.
    """
    for name in _NARROWING:
        if call.params.last(name):
            raise BadRequest(
                f"'{name}' does not narrow a write of many documents.",
                hint="Say in q which documents are meant.",
            )
    if len(call.params.all("q")) > 1:
        raise BadRequest("There is more than one q.", hint='Join them: {"$and": [...]}.')
    wanted = call.params.json("q")
    if wanted is None:
        return None
    return parse_filter(collection, wanted, call.service.limits, call.part.schema)


async def list_within(call: Call, plan: Plan, within: Filter) -> JsonBytes | Streaming:
    """One page of a collection, inside the filter ``within``, or a stream of all of it."""
    if call.form.is_stream:
        return await streamed(call, plan, within)
    service = call.service
    page = page_of(
        call.params, plan, call.part.schema, service.limits, within, tuple(call.segments)
    )
    if page.question is not None:
        return await _answered(call, page, page.question)
    documents = [] if page.count_only else await service.find(page.query, call.principal)
    total = await service.count(page.query, call.principal) if page.totals else None
    await shape(call, plan.collection, documents)
    return present.listed(page, documents, total)


async def _answered(call: Call, page: Page, question: Question) -> JsonBytes:
    """Groups, figures or distinct values of what the list would hold."""
    service, principal = call.service, call.principal
    total = await question.total(page.query, service, principal) if page.totals else None
    if page.count_only:
        return present.asked(page, [], total, total)
    found = await question.answer(page.query, service, principal)
    await shape(call, page.query.collection, found.documents)
    present.hide_ids(page, found.documents)
    return present.asked(page, found.data, found.count, total)


async def get_found(call: Call, plan: Plan, found: Filter) -> JsonBytes:
    """The one document that ``found`` selects; its version is read for the ETag alone."""
    if not call.params:
        projection, shown, without_id = _READ_AND_VERSION, False, False
        expand = plan.expand[False]
    else:
        hints = hints_of(call.params)
        meta = wants_meta(call.params, hints)
        fields = parse_fields(hints.get("$fields"), plan.collection)
        base = fields.projection(EVERY_FIELD if meta else PLAIN_FIELDS)
        projection, shown = _with_version(base)
        expand = expansions(call.params, plan, meta, fields)
        without_id = fields.without_id
    query = Query(
        collection=plan.collection,
        filter=found,
        max=1,
        projection=projection,
        expand=expand,
        described=described(call.params, plan.collection),
        address=tuple(call.segments),
    )
    documents = await call.service.find(query, call.principal)
    if not documents:
        raise not_found(plan.collection, call.segments[-1])
    document = documents[0]
    tag = etag(document)
    if not shown:
        document.pop("_version", None)
    if without_id:
        document.pop("_id", None)
    await shape(call, plan.collection, documents)
    return present.one(document, tag)


async def create_within(call: Call, plan: Plan, parent: Parent | None) -> JsonBytes:
    """Inserts the object or the array in the body; all of it or none."""
    body = await call.body()
    documents = _documents_of(body)
    if not documents:
        return present.written_many((), False)
    validate = call.params.last("validate").strip().lower() != "false"
    create = Create(
        collection=plan.collection,
        documents=documents,
        array=isinstance(body, list),
        validate=validate,
        parent=parent,
    )
    stored = await call.service.create(create, call.principal)
    meta = wants_meta(call.params, {})
    shown = await expanded(call, plan, stored, meta)
    if isinstance(body, list):
        return present.written_many(shown, meta)
    return present.written(shown[0], meta, 201)


async def update_found(
    call: Call, plan: Plan, document_id: Any, found: Filter, parent: Parent | None
) -> JsonBytes:
    """Merges the body into the document (SPEC 5.5, 8); ``If-Match`` must hold."""
    changes, operations = parse_operations(await call.object_body())
    update = Update(
        collection=plan.collection,
        id=document_id,
        changes=changes,
        operations=operations,
        if_version=await expected_version(call, plan.collection, found),
        parent=parent,
        method=call.method,
    )
    stored = await call.service.update(update, call.principal)
    meta = wants_meta(call.params, {})
    shown = await expanded(call, plan, [stored], meta)
    return present.written(shown[0], meta)


async def delete_found(
    call: Call, plan: Plan, document_id: Any, found: Filter, parent: Parent | None
) -> JsonBytes:
    """Deletes one document; ``If-Match`` must hold."""
    delete = Delete(
        collection=plan.collection,
        ids=(document_id,),
        if_version=await expected_version(call, plan.collection, found),
        parent=parent,
    )
    gone = await call.service.delete(delete, call.principal)
    if not gone:
        raise not_found(plan.collection, call.segments[-1])
    return present.deleted([document_id])


def id_of(collection: Collection, text: str) -> Any:
    """The stored id that a path segment means; raises ``NotFound`` if it can be none."""
    document_id = parse_id(collection, text)
    if document_id is None:
        raise not_found(collection, text)
    return document_id


def not_found(collection: Collection, text: str) -> NotFound:
    return NotFound(
        f"There is no document {text[:100]!r} in {collection.name}.",
        hint=f"List what there is with GET /rest/{collection.name}.",
    )


def _with_version(projection: Projection) -> tuple[Projection, bool]:
    """The projection with the version in it, and whether it was to be seen anyway."""
    named = "_version" in projection.paths
    if named == projection.include:
        return projection, True
    if projection.include:
        return replace(projection, paths=(*projection.paths, "_version")), False
    return replace(projection, paths=tuple(p for p in projection.paths if p != "_version")), False


def _documents_of(body: Any) -> tuple[Document, ...]:
    if isinstance(body, dict):
        return (body,)
    if not isinstance(body, list):
        raise BadRequest(
            "The body must be a JSON object or an array of objects.",
            hint='Send one document, {"name":"Ann"}, or several, [{"name":"Ann"}, ...].',
        )
    for index, each in enumerate(body):
        if not isinstance(each, dict):
            raise BadRequest(
                f"Element {index} of the array is not an object.",
                hint="Every element must be one document; nothing was inserted.",
            )
    return tuple(body)


def _ids_of(collection: Collection, body: Any, ceiling: int) -> tuple[Any, ...]:
    """The ids in a body, each once; those that can be no id are left out (SPEC 5.7b)."""
    if not isinstance(body, list) or not all(isinstance(each, str | int) for each in body):
        raise BadRequest(
            "The body of DELETE /* must be an array of ids.", hint='Send ["<id>", "<id>"].'
        )
    if len(body) > ceiling:
        raise LimitExceeded(f"At most {ceiling:,} ids at once.", hint="Delete in several requests.")
    parsed = (parse_id(collection, each) for each in body)
    return tuple(dict.fromkeys(each for each in parsed if each is not None))
