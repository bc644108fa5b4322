"""From settings to a connected engine."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import AsyncMongoClient
from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError
from pymongo.monitoring import _EventListener

from duetdb.app.mongo.memory import memory_engine
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Unavailable
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings

SELECTION_MS = 10_000
"""How long a request waits for the database to come back before it is a 503."""

_OLDEST_WIRE_VERSION = 17
"""MongoDB 6.0."""

_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    # Stored dates outside Python's years, and texts that are not UTF-8, are dirty data, not a
    # reason to fail a list.
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)


async def connect(settings: Settings, listeners: Sequence[_EventListener] = ()) -> Engine:
    """A checked connection to what the settings name: a MongoDB by URI, or memory.

    The embedded engine is started by whoever owns the process (``EmbeddedMongod``) and
    connected to by its URI. Raises ``SettingsError`` for a URI that cannot be used, and
    ``Unavailable`` for a database that does not answer or cannot do what DuetDB needs.
    """
    if settings.memory:
        return memory_engine(settings.database)
    if settings.mongodb_uri is None:
        raise SettingsError(
            "There is no database to connect to: set mongodb_uri, or start with `duetdb serve`, "
            "which runs its own."
        )
    try:
        with warnings.catch_warnings():
            # The driver only warns of an option that it does not know, and goes on without it.
            warnings.simplefilter("error", UserWarning)
            client = _client(settings.mongodb_uri, listeners)
    except (PyMongoError, ValueError, UserWarning) as error:
        origin = settings.origin_of("mongodb_uri")
        raise SettingsError(f"{origin} cannot be used: {_sentence(error)}") from None
    try:
        await _check(client)
    except BaseException:
        await client.close()
        raise
    return Engine(client=client, database=client.get_database(settings.database, _CODEC))


def _client(uri: str, listeners: Sequence[_EventListener]) -> AsyncMongoClient[dict[str, Any]]:
    return AsyncMongoClient(
        uri,
        datetime_conversion=_CODEC.datetime_conversion,
        unicode_decode_error_handler=_CODEC.unicode_decode_error_handler,
        # Acknowledged means that it survives kill -9 of any process, whatever the URI says.
        w="majority",
        journal=True,
        retryWrites=True,
        retryReads=True,
        serverSelectionTimeoutMS=SELECTION_MS,
        waitQueueTimeoutMS=SELECTION_MS,
        event_listeners=list(listeners),
        appname="duetdb",
    )


async def _check(client: AsyncMongoClient[dict[str, Any]]) -> None:
    try:
        hello = await client.admin.command("hello")
    except ConfigurationError as error:
        raise SettingsError(f"The MongoDB cannot be used: {_sentence(error)}") from None
    except OperationFailure as error:
        raise Unavailable(f"The MongoDB refuses the connection: {_sentence(error)}") from None
    except PyMongoError as error:
        raise Unavailable(
            f"The MongoDB does not answer: {_sentence(error)}",
            hint="Check mongodb_uri, and that the database runs and can be reached from here.",
        ) from None
    if hello["maxWireVersion"] < _OLDEST_WIRE_VERSION:
        raise Unavailable("The MongoDB is too old: DuetDB needs version 6.0 or later.")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise Unavailable(
            "The MongoDB is a standalone server, and DuetDB needs transactions and change streams.",
            hint="Start it with --replSet NAME and run rs.initiate() once: one node is enough.",
        )


def _sentence(error: Exception) -> str:
    """The driver's message without the topology dump that it appends."""
    return str(error).partition(", Timeout:")[0].partition(", full error")[0].rstrip(".") + "."
