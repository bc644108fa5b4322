"""``/media``: files by multipart in, bytes out (SPEC 11)."""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from duetdb.app.http.conditions import require
from duetdb.app.http.cors import note_origins
from duetdb.app.http.credentials import Callers
from duetdb.app.http.failures import MethodNotAllowed, refusal
from duetdb.app.http.media_bytes import MediaBytes, flag, validators_of
from duetdb.app.http.multipart import Parts, check_length
from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.encoding import dumps
from duetdb.app.service.errors import BadRequest, DuetError, NotFound
from duetdb.app.service.media.archive import Archive
from duetdb.app.service.media.rights import MediaRights
from duetdb.app.service.media.sizes import Sizes
from duetdb.app.service.media.store import content_of
from duetdb.app.service.media.upload import Upload
from duetdb.app.service.origins import ANYWHERE
from duetdb.app.service.principal import Principal

Handler = Callable[[Request], Awaitable[ASGIApp]]
Handlers = Mapping[str, Handler]

_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


@dataclass(frozen=True, slots=True)
class MediaParts:
    """What the media archive consists of."""

    archive: Archive
    sizes: Sizes
    rights: MediaRights


def media_routes(parts: MediaParts, callers: Callers) -> list[BaseRoute]:
    """The routes of the media archive."""
    media = Media(parts, callers)
    pages: Handlers = {"GET": media.list, "HEAD": media.list, "POST": media.upload}
    files: Handlers = {"GET": media.content, "HEAD": media.content, "DELETE": media.delete}
    about: Handlers = {"GET": media.meta, "HEAD": media.meta}
    whole = _answering(pages)
    return [
        Route("/media", whole, methods=_METHODS),
        Route("/media/", whole, methods=_METHODS),
        Route("/media/{name}", _answering(files, media.replace), methods=_METHODS),
        Route("/media/{name}/meta", _answering(about), methods=_METHODS),
    ]


def _answering(handlers: Handlers, replace: Handler | None = None) -> Handler:
    """The handlers by method; ``replace`` is PUT with ``replace=true``, and no other PUT is."""

    async def answer(request: Request) -> ASGIApp:
        there = handlers
        if replace is not None and flag(request, "replace"):
            there = {**handlers, "PUT": replace}
        try:
            handler = there.get(request.method)
            if handler is None:
                raise MethodNotAllowed(request.method, *there)
            return await handler(request)
        except DuetError as error:
            return refusal(error, request.scope)
        except ClientDisconnect:
            return Response(status_code=400)

    return answer


class Media:
    """The endpoints; each raises ``DuetError``."""

    def __init__(self, parts: MediaParts, callers: Callers) -> None:
        self._archive = parts.archive
        self._rights = parts.rights
        self._callers = callers
        self._bytes = MediaBytes(parts.archive, parts.sizes)

    async def upload(self, request: Request) -> ASGIApp:
        principal = await self._admitted(request, "POST")
        check_length(request.headers.get("content-length", ""), self._archive.limits)
        async with self._archive.upload(principal) as upload:
            await _read(request, upload)
            ids = await upload.commit()
        return JsonBytes(dumps({"msg": "OK", "uploadid": upload.id, "ids": ids}), 201)

    async def replace(self, request: Request) -> ASGIApp:
        """Puts another content under the id of a file, all or nothing."""
        principal = await self._admitted(request, "PUT")
        file = await self._archive.find_whole(_name(request))
        require(request.headers, validators_of(file))
        check_length(request.headers.get("content-length", ""), self._archive.limits)
        async with self._archive.upload(principal) as upload:
            await _read(request, upload)
            id_ = await upload.replace(file)
        return JsonBytes(dumps({"msg": "OK", "uploadid": upload.id, "ids": [id_]}))

    async def list(self, request: Request) -> ASGIApp:
        """A page, the newest first, in the envelope of SPEC 6.4 where totals are asked for."""
        await self._admitted(request, "GET")
        limits = self._archive.limits
        most = min(_number(request, "max", limits.page_default), limits.page_ceiling)
        skip = _number(request, "skip", 0)
        found: Any = await self._archive.list(skip, most)
        page = {"count": len(found), "skip": skip, "max": most}
        if flag(request, "totals"):
            page["total"] = await self._archive.count()
            found = {"data": found, "totals": page}
        return JsonBytes(dumps(found), 200, {"x-pagination": dumps(page).decode()})

    async def meta(self, request: Request) -> ASGIApp:
        await self._admitted(request, "GET")
        file = await self._archive.find(_name(request))
        return JsonBytes(dumps([self._archive.metadata(file)]))

    async def delete(self, request: Request) -> ASGIApp:
        await self._admitted(request, "DELETE")
        file = await self._archive.find_whole(_name(request))
        require(request.headers, validators_of(file))
        return JsonBytes(dumps({"result": [await self._archive.delete(file)]}))

    async def content(self, request: Request) -> ASGIApp:
        """The stored bytes: they need no key, so pages of any site may read them."""
        note_origins(request.scope, (ANYWHERE,))
        file = await self._archive.find_whole(_name(request))
        try:
            return await self._bytes.answer(request, file)
        except NotFound:  # its bytes are gone, perhaps because others have taken their place
            now = await self._archive.find_whole(_name(request))
            if content_of(now) == content_of(file):
                raise
            return await self._bytes.answer(request, now)

    async def _admitted(self, request: Request, method: str) -> Principal:
        principal = await self._callers.caller_of(request.scope)
        self._rights.admit(principal, method)
        return principal


async def _read(request: Request, upload: Upload) -> None:
    parts = Parts(request.headers.get("content-type", ""), upload)
    await parts.read(request.stream())


def _name(request: Request) -> str:
    """The name as it would be stored: NFC, whatever the client's system makes of names."""
    return unicodedata.normalize("NFC", str(request.path_params["name"]))


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10) or (
        name == "max" and text == "0"
    ):
        raise BadRequest(f"The parameter {name} must be a whole number that is not negative.")
    return int(text)
