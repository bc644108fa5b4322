"""``duetdb serve``: the server, its workers and, unless told otherwise, its own MongoDB."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import parent_process
from typing import TYPE_CHECKING, Any, NoReturn

from duetdb import __version__
from duetdb.app.cli._flags import ALL
from duetdb.app.log import configure_logging
from duetdb.app.service.errors import Unavailable
from duetdb.app.settings import PREFIX, Settings

if TYPE_CHECKING:
    from duetdb.app.service.engine import Engine

SUMMARY = "run the server"
FLAGS = ALL

_BACKLOG = 2048


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes settings only."""


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Serve until SIGTERM or Ctrl-C; the status is 0 if that went well."""
    configure_logging(settings.log_level)
    settings.check_reachable()
    for sentence in settings.warnings():
        print(f"duetdb: {sentence}", file=sys.stderr)
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, _end)
    with _listening(settings) as listener, _database(_with_certificate(settings)) as reachable:
        from duetdb.app.cli._prepare import prepare

        prepared = asyncio.run(prepare(reachable))
        announcement = _announcement(_address(reachable, listener), prepared.key)
        if reachable.workers == 1:
            return _serve_alone(reachable, listener, announcement, prepared.memory)
        return _serve_with_workers(reachable, listener, announcement)


def worker() -> Any:
    """The application of one worker process, which ends with the process that started it."""
    from duetdb.app.main import create_app_from_environment
    from duetdb.app.mongo.leash import die_with_parent

    parent = parent_process()
    if parent is not None and parent.pid is not None:
        die_with_parent(parent.pid)
    return create_app_from_environment()


def _end(*_: object) -> NoReturn:
    """Leave through every ``finally``: uvicorn repeats a signal once it has shut down."""
    raise SystemExit(0)


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """The socket, bound before anything slow: a taken port is reported at once."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise Unavailable(
            f"The server cannot listen on port {settings.port} of {settings.host}: "
            f"{error.strerror}.",
            hint="Stop what uses it, or choose another with --port and --host.",
        ) from None
    with listener:
        listener.set_inheritable(True)
        yield listener


def _with_certificate(settings: Settings) -> Settings:
    """The settings with the files of the certificate that the server makes itself, if asked.

    Browsers are not told to insist on HTTPS: that would hold for everything on ``localhost``.
    """
    if not settings.tls_self_signed:
        return settings
    from duetdb.app.cli._certificate import self_signed

    try:
        certificate, key = self_signed(settings.data, settings.host)
    except OSError as error:
        raise Unavailable(
            f"No certificate can be kept in {settings.data}: {error.strerror}.",
            hint="Choose another folder with --data.",
        ) from None
    return replace(
        settings, tls_self_signed=False, tls_cert=certificate, tls_key=key, hsts_seconds=0
    )


@contextmanager
def _database(settings: Settings) -> Iterator[Settings]:
    """The settings with a database that can be connected to, the embedded one started if asked."""
    if settings.memory or settings.mongodb_uri is not None:
        yield settings
        return
    from duetdb.app.mongo.embedded import EmbeddedMongod

    mongod = EmbeddedMongod(settings.data, settings.mongod)
    mongod.launch()
    try:
        import duetdb.app.main  # noqa: F401  # takes as long as the database: do both at once

        mongod.wait()
        yield replace(settings, mongodb_uri=mongod.uri)
    finally:
        mongod.stop()


def _serve_alone(
    settings: Settings, listener: socket.socket, announcement: str, memory: Engine | None
) -> int:
    import uvicorn

    from duetdb.app.cli._uvicorn import configuration
    from duetdb.app.main import create_app

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                print(announcement, flush=True)

    server = Server(configuration(settings, create_app(settings, memory)))
    server.run([listener])
    return 0 if server.started else 1


def _serve_with_workers(settings: Settings, listener: socket.socket, announcement: str) -> int:
    from uvicorn.config import STARTUP_FAILURE
    from uvicorn.supervisors import Multiprocess

    from duetdb.app.cli._uvicorn import configuration

    for variable in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[variable]
    os.environ.update(settings.to_environment())
    options = configuration(settings, f"{__name__}:worker", factory=True)
    supervisor = Multiprocess(options, sockets=[listener])
    print(announcement, flush=True)
    supervisor.run()
    failed = any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes)
    return 1 if failed else 0


def _address(settings: Settings, listener: socket.socket) -> str:
    """The server's URL as seen from this machine."""
    scheme = "https" if settings.speaks_tls else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"{scheme}://{host}:{listener.getsockname()[1]}"


def _announcement(address: str, key: str | None) -> str:
    lines = [
        f"DuetDB {__version__} is ready:",
        f"  REST      {address}/rest",
        f"  GraphQL   {address}/graphql",
        f"  Docs      {address}/docs",
    ]
    if key is not None:
        lines.append(f"  Full-access key, shown this once: {key}")
    return "\n".join(lines)
