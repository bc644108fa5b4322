"""Stored documents as answers: what is left out, and how lists are wrapped (SPEC 4.2, 6.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.encoding import dumps
from duetdb.app.service.query import Document, Outcome
from duetdb.rest.paging import Page
from duetdb.rest.plans import HIDDEN
from duetdb.rest.preconditions import etag
from duetdb.schema_gen.model import AUDIT_FIELDS

_DROPPED = frozenset(HIDDEN) - frozenset(AUDIT_FIELDS)


def one(document: Document, tag: str, status: int = 200) -> JsonBytes:
    return JsonBytes(dumps(document), status, {"etag": tag})


def written(document: Document, meta: bool, status: int = 200) -> JsonBytes:
    """The answer to POST, PUT and PATCH: the audit fields are always shown."""
    return one(document if meta else without_meta(document), etag(document), status)


def written_many(documents: Sequence[Document], meta: bool) -> JsonBytes:
    shown = documents if meta else [without_meta(each) for each in documents]
    return JsonBytes(dumps(shown), 201)


def without_meta(document: Document) -> Document:
    """A shallow copy: the document itself also goes to those who listen for changes."""
    return {name: value for name, value in document.items() if name not in _DROPPED}


def listed(page: Page, documents: list[Document], total: int | None) -> JsonBytes:
    """A list answer with its ``X-Pagination``; an envelope when totals were asked for."""
    hide_ids(page, documents)
    count = total if page.count_only else len(documents)
    return asked(page, documents, count, total)


def hide_ids(page: Page, documents: Iterable[Document]) -> None:
    """Takes ``_id`` out of the documents, in place, if the page was asked for without."""
    if page.without_id:
        for document in documents:
            document.pop("_id", None)


def asked(page: Page, data: Any, count: int | None, total: int | None) -> JsonBytes:
    """An answer to a list: documents, or groups or values of them, ``count`` in number."""
    query = page.query
    pagination: dict[str, Any] = {"count": count, "skip": query.skip, "max": query.max}
    body: Any = data
    if total is not None:
        pagination["total"] = total
        totals = {"total": total, "count": count, "skip": query.skip, "max": query.max}
        body = {"data": data, "totals": totals}
    return JsonBytes(dumps(body), 200, {"x-pagination": dumps(pagination).decode()})


def updated(outcome: Outcome) -> JsonBytes:
    """The answer to PATCH of many documents."""
    failed = [{"_id": id_, "message": reason} for id_, reason in outcome.failed]
    body = {"matched": outcome.matched, "modified": outcome.modified, "failed": failed}
    return JsonBytes(dumps(body))


def deleted(ids: Sequence[Any]) -> JsonBytes:
    return JsonBytes(dumps({"result": list(ids)}))
