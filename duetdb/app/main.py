"""Assembly: the only file that knows all parts."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from duetdb import __version__
from duetdb.app.http.auth import auth_router
from duetdb.app.http.cors import Cors
from duetdb.app.http.credentials import Callers
from duetdb.app.http.fallback import answered, left, refused
from duetdb.app.http.gate import Gate, Rules
from duetdb.app.http.health import health_routes
from duetdb.app.http.leases import Leased
from duetdb.app.http.mail import mail_routes
from duetdb.app.http.media import MediaParts, media_routes
from duetdb.app.http.metrics import Metrics
from duetdb.app.http.observe import Observe
from duetdb.app.http.proxies import Proxies
from duetdb.app.http.rate import RateLimiter, Rates
from duetdb.app.http.transport import Transport
from duetdb.app.log import configure_logging
from duetdb.app.mongo.connect import connect
from duetdb.app.service.administration import Administration
from duetdb.app.service.audit.audit import Audit
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import DuetError
from duetdb.app.service.events import Events
from duetdb.app.service.identity.identity import Identity
from duetdb.app.service.keys.key_admin import KeyAdmin
from duetdb.app.service.keys.keys import Keys
from duetdb.app.service.mail.outbox import Outbox
from duetdb.app.service.media.archive import Archive
from duetdb.app.service.media.rights import MediaRights
from duetdb.app.service.media.sizes import Sizes
from duetdb.app.service.media.stores import store_of
from duetdb.app.service.permits import Permits
from duetdb.app.service.schema.admin import SchemaAdmin
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.service.service import Service
from duetdb.app.settings import Settings
from duetdb.graphql.app import graphql_routes
from duetdb.rest.app import rest_routes

SWITCH_SECONDS = 0.001
"""How long a thread that builds a schema keeps the interpreter while the event loop waits.

The loop gives the interpreter up at each socket operation, so a request pays this several times:
with Python's 5 ms a read by id took up to 85 ms beside an introspection of 500 collections.
"""


def create_app(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """The whole server as one ASGI application.

    It connects when its lifespan starts and disconnects when it ends. With
    ``engine`` it uses that connection instead and leaves it open.
    """
    watch = _Watch(Metrics(), _limiter(settings), Audit())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            connected = engine or await connect(settings)
            if engine is None:
                stack.push_async_callback(connected.client.close)
            await _assemble(app, connected, settings, watch, stack)
            _settle_memory()
            sys.setswitchinterval(SWITCH_SECONDS)
            yield

    app = FastAPI(
        title="DuetDB",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            HTTPException: refused,
            DuetError: answered,
            ClientDisconnect: left,
        },
    )
    _surround(app, settings, watch)
    return app


def create_app_from_environment() -> FastAPI:
    """What each worker process runs: the settings come from the environment alone."""
    settings = Settings.load({}, os.environ)
    configure_logging(settings.log_level)
    return create_app(settings)


@dataclass(frozen=True, slots=True)
class _Watch:
    """What sees all requests; made before there is a database."""

    metrics: Metrics
    limiter: RateLimiter
    audit: Audit


def _limiter(settings: Settings) -> RateLimiter:
    return RateLimiter(
        Rates(
            key=settings.rate_key,
            user=settings.rate_user,
            address=settings.rate_address,
            failures=settings.rate_failures,
        )
    )


def _surround(app: FastAPI, settings: Settings, watch: _Watch) -> None:
    """What stands around all interfaces, the innermost first."""
    rules = Rules(require_https=settings.require_https, body_seconds=settings.body_seconds)
    app.add_middleware(Gate, rules=rules, limiter=watch.limiter)
    app.add_middleware(
        Observe, metrics=watch.metrics, audit=watch.audit, access_log=settings.access_log
    )
    # Around that: browsers may read every answer, refusals and masked errors included.
    app.add_middleware(Cors, origins=settings.listed_origins())
    proxies = Proxies(settings.proxy_networks(), settings.proxy_headers)
    app.add_middleware(Transport, proxies=proxies, hsts_seconds=settings.hsts_seconds)


async def _assemble(
    app: FastAPI,
    engine: Engine,
    settings: Settings,
    watch: _Watch,
    stack: AsyncExitStack,
) -> None:
    limits = settings.limits()
    users = settings.users_collection
    catalog = Catalog(engine, users)
    keys = Keys(engine, settings.api_key, settings.key_pepper, users)
    if settings.rate_storage == "mongodb":
        watch.limiter.counter = Leased(await Permits.started(engine))
    service = Service(engine, catalog, limits, Events())
    options, origins = settings.identity(), settings.listed_origins()
    archive = Archive(engine, limits, store_of(engine, settings.media()))
    outbox = Outbox(engine, service, archive, settings.mail())
    identity = Identity(engine, service, options, outbox)
    callers = Callers(keys, identity.tokens, watch.limiter, origins)
    admin = SchemaAdmin(engine, catalog, limits)
    key_admin = KeyAdmin(engine, keys, identity.sessions, limits)
    administration = Administration(admin, key_admin, watch.audit)
    rights = MediaRights(catalog, by_post=limits.media_by_post)
    media = MediaParts(archive, Sizes(archive, limits), rights)
    app.router.routes.extend(
        [
            *rest_routes(service, administration, callers),
            *graphql_routes(
                service,
                callers,
                administration.keys,
                outbox,
                playground=settings.playground,
                introspection=settings.introspection,
                persisted_only=settings.persisted_only,
                public_url=settings.public_url,
            ),
            *mail_routes(outbox, callers, limits.body_bytes),
            *media_routes(media, callers),
            *health_routes(service, callers, watch.metrics),
        ]
    )
    app.include_router(auth_router(identity, callers, options, origins))
    app.state.service, app.state.keys, app.state.admin = service, keys, admin
    await watch.audit.start(engine)
    stack.push_async_callback(watch.audit.stop)
    await keys.start()
    await catalog.start()
    await archive.start()
    stack.push_async_callback(archive.stop)
    stack.push_async_callback(media.sizes.stop)
    stack.push_async_callback(catalog.stop)
    await outbox.start()
    stack.push_async_callback(outbox.stop)
    await identity.start()
    stack.push_async_callback(identity.stop)


def _settle_memory() -> None:
    """What lives as long as the process is not worth looking at in every collection.

    Measured on a list of 1,000 documents: a fifth less CPU, and half the p99. The second
    threshold is low because it bounds how long one collection keeps everybody waiting: it looks
    at 100,000 objects at most, where 20 let pile up a million, which took a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 1, 500)
