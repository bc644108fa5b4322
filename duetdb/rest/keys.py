"""Keys: made, listed, changed, revoked and reset with the full-access key (SPEC 2)."""

from __future__ import annotations

from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.encoding import dumps
from duetdb.rest.call import Call
from duetdb.rest.paging import window_of


async def list_keys(call: Call) -> JsonBytes:
    """``GET /rest/_keys``"""
    skip, most = window_of(call.params, call.service.limits)
    return JsonBytes(dumps(await call.admin.keys.page(call.principal, skip, most)))


async def create_key(call: Call) -> JsonBytes:
    """``POST /rest/_keys``: the answer holds the key itself, this once."""
    return JsonBytes(dumps(await call.admin.keys.create(await call.body(), call.principal)), 201)


async def get_key(call: Call) -> JsonBytes:
    """``GET /rest/_keys/ID``"""
    return JsonBytes(dumps(await call.admin.keys.get(call.segments[1], call.principal)))


async def update_key(call: Call) -> JsonBytes:
    """``PATCH /rest/_keys/ID``: what the body names."""
    id_, body = call.segments[1], await call.body()
    return JsonBytes(dumps(await call.admin.keys.update(id_, body, call.principal)))


async def revoke_key(call: Call) -> JsonBytes:
    """``DELETE /rest/_keys/ID``"""
    id_ = call.segments[1]
    await call.admin.keys.revoke(id_, call.principal)
    return JsonBytes(dumps({"result": [id_]}))


async def reset_key(call: Call) -> JsonBytes:
    """``POST /rest/_keys/ID/reset``, where ``full`` is the full-access key."""
    return JsonBytes(dumps(await call.admin.keys.reset(call.segments[1], call.principal)), 201)
