"""Schema administration and the API descriptions (SPEC 10)."""

from __future__ import annotations

import asyncio

from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.encoding import dumps
from duetdb.app.service.principal import require_full
from duetdb.app.service.schema.admin import Applied
from duetdb.rest import openapi
from duetdb.rest.call import Call


async def get_all(call: Call) -> JsonBytes:
    """``GET /rest/_meta``"""
    return JsonBytes(dumps(await call.admin.schema.describe_all(call.principal)))


async def put_all(call: Call) -> JsonBytes:
    """``PUT /rest/_meta``: the metadata of the whole database, all or nothing."""
    return _applied(await call.admin.schema.put_all(await call.body(), call.principal))


async def get_one(call: Call) -> JsonBytes:
    """``GET /rest/C/_meta``"""
    return JsonBytes(dumps(await call.admin.schema.describe(call.segments[0], call.principal)))


async def put_one(call: Call) -> JsonBytes:
    """``PUT /rest/C/_meta``"""
    name, body = call.segments[0], await call.body()
    return _applied(await call.admin.schema.put(name, body, call.principal))


async def delete_one(call: Call) -> JsonBytes:
    """``DELETE /rest/C/_meta``; with ``drop=true`` the documents go too."""
    name, drop = call.segments[0], call.params.flag("drop")
    await call.admin.schema.delete(name, call.principal, drop=drop)
    return JsonBytes(dumps({"result": [name]}))


async def infer_one(call: Call) -> JsonBytes:
    """``POST /rest/C/_meta/infer``: proposes metadata; ``apply=true`` applies it."""
    name, apply = call.segments[0], call.params.flag("apply")
    return JsonBytes(dumps(await call.admin.schema.infer(name, call.principal, apply=apply)))


async def infer_all(call: Call) -> JsonBytes:
    """``POST /rest/_meta/infer``: the same for every collection without metadata."""
    apply = call.params.flag("apply")
    return JsonBytes(dumps(await call.admin.schema.infer_all(call.principal, apply=apply)))


async def get_change(call: Call) -> JsonBytes:
    """``GET /rest/_meta/changes/ID``: how far a change is that was answered with 202."""
    return JsonBytes(dumps(await call.admin.schema.progress(call.segments[2], call.principal)))


async def get_openapi(call: Call) -> JsonBytes:
    """``GET /openapi.json``"""
    require_full(call.principal)
    return JsonBytes(await asyncio.to_thread(openapi.openapi_document, call.part))


async def get_swagger(call: Call) -> JsonBytes:
    """``GET /rest/_swagger.json``"""
    require_full(call.principal)
    return JsonBytes(await asyncio.to_thread(openapi.swagger_document, call.part))


def _applied(applied: Applied) -> JsonBytes:
    """What ``_meta`` answers now; 202 and where to look while an index is still being built."""
    if applied.pending is None:
        return JsonBytes(dumps(applied.definition))
    status = f"/rest/_meta/changes/{applied.pending}"
    body = {"state": "building", "status": status}
    return JsonBytes(dumps(body), 202, {"location": status})
