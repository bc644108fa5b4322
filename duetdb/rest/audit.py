"""The audit, read with the full-access key."""

from __future__ import annotations

from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.encoding import dumps
from duetdb.rest.call import Call
from duetdb.rest.paging import window_of


async def list_entries(call: Call) -> JsonBytes:
    """``GET /rest/_audit``: the newest first, or with ``dir=1`` the oldest."""
    skip, most = window_of(call.params, call.service.limits)
    oldest_first = call.params.last("dir").strip() == "1"
    entries = await call.admin.audit.page(call.principal, skip, most, oldest_first=oldest_first)
    return JsonBytes(dumps(entries))
