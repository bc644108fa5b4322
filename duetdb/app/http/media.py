"""``/media``: files by multipart in, bytes out (SPEC 11)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from duetdb.app.http.credentials import Callers
from duetdb.app.http.failures import MethodNotAllowed, refusal
from duetdb.app.http.multipart import Parts, check_length
from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.encoding import dumps
from duetdb.app.service.errors import BadRequest, DuetError
from duetdb.app.service.media.archive import Archive, admit
from duetdb.app.service.media.kinds import INLINE
from duetdb.app.service.media.sizes import WIDTHS, Sizes

_SAFE: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "public, max-age=86400",
}
_SHOWN: Final = frozenset(INLINE.values())

Handler = Callable[[Request], Awaitable[ASGIApp]]
Handlers = Mapping[str, Handler]


def media_routes(archive: Archive, callers: Callers) -> list[BaseRoute]:
    """The routes of the media archive."""
    media = Media(archive, callers)
    pages: Handlers = {"GET": media.list, "HEAD": media.list, "POST": media.upload}
    files: Handlers = {"GET": media.content, "HEAD": media.content, "DELETE": media.delete}
    about: Handlers = {"GET": media.meta, "HEAD": media.meta}
    return [
        Route("/media", _answering(pages), methods=_METHODS),
        Route("/media/{name}", _answering(files), methods=_METHODS),
        Route("/media/{name}/meta", _answering(about), methods=_METHODS),
    ]


_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def _answering(handlers: Handlers) -> Handler:
    async def answer(request: Request) -> ASGIApp:
        try:
            handler = handlers.get(request.method)
            if handler is None:
                raise MethodNotAllowed(request.method, *handlers)
            return await handler(request)
        except DuetError as error:
            return refusal(error, request.scope)
        except ClientDisconnect:
            return Response(status_code=400)

    return answer


class Media:
    """The endpoints; each raises ``DuetError``."""

    def __init__(self, archive: Archive, callers: Callers) -> None:
        self._archive = archive
        self._callers = callers
        self._sizes = Sizes(archive)
        self._parsing = asyncio.Semaphore(archive.limits.media_uploads)

    async def upload(self, request: Request) -> ASGIApp:
        principal = await self._callers.caller_of(request.scope)
        admit(principal, "POST")
        check_length(request.headers.get("content-length", ""), self._archive.limits)
        async with self._parsing, self._archive.upload(principal) as upload:
            parts = Parts(request.headers.get("content-type", ""), upload)
            await parts.read(request.stream())
            ids = await upload.commit()
        return JsonBytes(dumps({"msg": "OK", "uploadid": upload.id, "ids": ids}), 201)

    async def list(self, request: Request) -> ASGIApp:
        admit(await self._callers.caller_of(request.scope), "GET")
        limits = self._archive.limits
        most = min(_number(request, "max", limits.page_default), limits.page_ceiling)
        return JsonBytes(dumps(await self._archive.list(_number(request, "skip", 0), most)))

    async def meta(self, request: Request) -> ASGIApp:
        admit(await self._callers.caller_of(request.scope), "GET")
        file = await self._archive.find(request.path_params["name"])
        return JsonBytes(dumps([self._archive.metadata(file)]))

    async def delete(self, request: Request) -> ASGIApp:
        admit(await self._callers.caller_of(request.scope), "DELETE")
        return JsonBytes(dumps({"result": [await self._archive.delete(_name(request))]}))

    async def content(self, request: Request) -> ASGIApp:
        """The stored bytes; they need no key."""
        file = await self._archive.find(_name(request))
        size = request.query_params.get("s", "o")
        smaller = await self._sizes.of(file, size) if size in WIDTHS else None
        etag = f'"{file["_id"]}"' if smaller is None else f'"{file["_id"]}.{size}"'
        headers = {**_SAFE, "etag": etag}
        known = request.headers.get("if-none-match", "")
        if known.strip() == "*" or etag in [_strong(each) for each in known.split(",")]:
            return Response(status_code=304, headers=headers)
        kind, length = file["metadata"]["mediatype"], file["length"]
        if smaller is not None:
            kind, length = smaller[1], len(smaller[0])
        shown = kind in _SHOWN and request.query_params.get("download") != "true"
        headers["content-type"] = kind
        headers["content-length"] = str(length)
        headers["content-disposition"] = _disposition(file["metadata"]["origname"], shown)
        if request.method == "HEAD" or not length:
            return Response(headers=headers)
        if smaller is not None:
            return Response(smaller[0], headers=headers)
        return StreamingResponse(self._pieces(file), headers=headers)

    def _pieces(self, file: dict[str, Any]) -> AsyncIterator[bytes]:
        return self._archive.content(file, 0, file["length"])


def _name(request: Request) -> str:
    return str(request.path_params["name"])


def _strong(tag: str) -> str:
    return tag.strip().removeprefix("W/")


def _disposition(name: str, shown: bool) -> str:
    plain = "".join(each if each.isascii() and each not in '"\\%' else "_" for each in name)
    how = "inline" if shown else "attachment"
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10) or (
        name == "max" and text == "0"
    ):
        raise BadRequest(f"The parameter {name} must be a whole number that is not negative.")
    return int(text)
