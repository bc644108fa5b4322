"""What a caller presented, read from the request in one place for both interfaces."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.types import Scope

from duetdb.app.service.errors import BadRequest
from duetdb.app.service.keys.keys import Keys
from duetdb.app.service.principal import Principal


def presented_key(scope: Scope) -> str | None:
    """The key in the header ``x-apikey``, or in the query parameter ``apikey`` (SPEC 2.1)."""
    for name, value in scope["headers"]:
        if name == b"x-apikey":
            return str(value, "latin-1")
    query = scope["query_string"]
    if b"apikey=" in query:
        try:
            values = parse_qs(query.decode("latin-1"), max_num_fields=1000).get("apikey")
        except ValueError:
            raise BadRequest("More than 1,000 query parameters.", hint="Send fewer.") from None
        if values:
            return str(values[0])
    return None


async def principal_of(scope: Scope, keys: Keys) -> Principal:
    """The verified caller; raises ``Unauthenticated`` or ``Forbidden``."""
    return await keys.authenticate(presented_key(scope))
