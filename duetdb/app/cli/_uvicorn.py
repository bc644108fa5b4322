"""How the server speaks HTTP: Uvicorn's options, made from the settings."""

from __future__ import annotations

import ssl
from typing import Any

import uvicorn

from duetdb.app.http.protocol import HeadLimits, protocol_of
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings


def configuration(settings: Settings, app: Any, **options: Any) -> uvicorn.Config:
    """The options for one server process; raises ``SettingsError`` for a bad certificate."""
    limits = HeadLimits(
        count=settings.header_count,
        size=settings.header_bytes,
        seconds=settings.header_seconds,
    )
    if settings.tls_cert is not None:
        _check_certificate(settings)
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http=protocol_of(limits),
        ws_max_size=settings.body_bytes,
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # it would believe every program on this machine; see http/proxies.py
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_timeout,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        **options,
    )


def _check_certificate(settings: Settings) -> None:
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(settings.tls_cert), str(settings.tls_key))
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"tls_cert and tls_key cannot be used together: {error.strerror or error}."
        ) from None
