"""Texts that clients name by their hashes: those that are registered, and those sent before.

The protocol is that of automatic persisted queries: a client sends the SHA-256 of a text alone,
and the text with it when the server answers that it does not know it.
"""

from __future__ import annotations

from graphql import GraphQLError

from duetdb.app.service.errors import BadRequest, Forbidden
from duetdb.app.service.principal import Principal
from duetdb.app.service.registered import RegisteredOperations, hash_of
from duetdb.graphql.kept_texts import Budget, KeptTexts
from duetdb.graphql.operations import Refused
from duetdb.graphql.request import Request


class PersistedTexts:
    """Finds the text of each request.

    With ``registered_only``, callers without the full-access key can ask for
    nothing else. Otherwise what they send with its hash is kept in the memory of
    this process, for all of them, and not in the database: nobody can fill that.
    """

    def __init__(self, registered: RegisteredOperations, registered_only: bool) -> None:
        self._registered = registered
        self._registered_only = registered_only
        self._sent: KeptTexts[str] = KeptTexts(Budget())

    async def text_of(self, request: Request, principal: Principal) -> str:
        """The text that a request sends or names.

        Raises ``Refused`` for a hash that is not known, ``BadRequest`` for one that is not the
        text's, and ``Forbidden`` for a text that had to be registered.
        """
        restricted = self._registered_only and not principal.full
        text, named = request.query, request.hash
        if text is None:
            return await self._known(named or "", restricted)
        if named is None and not restricted:
            return text
        hash_ = hash_of(text)
        if named not in (None, hash_):
            raise BadRequest(
                "'sha256Hash' is not the hash of the text.",
                hint="Send the SHA-256 of the text as it is sent, in hexadecimal digits.",
            )
        if not restricted:
            self._sent.keep(hash_, text, len(text))
        elif await self._registered.find(hash_) is None:
            raise Forbidden(
                "Only registered operations are carried out here.",
                hint="Have the text registered: duetdb operations add.",
            )
        return text

    async def _known(self, hash_: str, restricted: bool) -> str:
        text = None if restricted else self._sent.get(hash_)
        text = text or await self._registered.find(hash_)
        if text is not None:
            return text
        hint = "Ask for registered operations only." if restricted else _SEND_IT
        extensions = {"code": "PERSISTED_QUERY_NOT_FOUND", "hint": hint}
        raise Refused([GraphQLError("PersistedQueryNotFound", extensions=extensions)])


_SEND_IT = "Send the text once, together with its hash."
