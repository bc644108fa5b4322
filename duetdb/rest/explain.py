"""``?explain=true``: how the database answers a read, in place of the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from duetdb.app.http.responses import JsonBytes
from duetdb.app.http.streaming import Streaming
from duetdb.app.service.encoding import dumps
from duetdb.rest.call import Call


def asks_why(call: Call) -> bool:
    """Whether a read is to be explained; a look at the raw bytes is all that others pay."""
    return (
        b"explain" in call.scope["query_string"]
        and call.method == "GET"
        and call.params.flag("explain")
    )


async def explained(
    call: Call, handler: Callable[[Call], Awaitable[JsonBytes | Streaming]]
) -> JsonBytes:
    """``{"explain": [...]}``, one entry for each call that the handler makes to the database.

    Raises ``Forbidden`` for all but the full-access key, and whatever the read raises.
    """
    with call.service.explaining(call.principal) as notes:
        answer = await handler(call)
        if isinstance(answer, Streaming):
            await answer.close()
    return JsonBytes(dumps({"explain": notes}))
