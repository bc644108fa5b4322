"""Structured logs: one JSON object a line on standard error, secrets masked."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import orjson
import structlog

_SECRET_NAMES = re.compile(r"key|secret|password|token|authorization|cookie|jwt", re.IGNORECASE)
_SECRET_IN_TEXT = re.compile(
    r"((?:apikey|jwt|key|token|refresh|rt-apikey)=)[^&\s\"']+|(://[^:/@\s]+:)[^@\s]+(?=@)",
    re.IGNORECASE,
)

_HUSHED: ContextVar[bool] = ContextVar("hushed", default=False)


class Told(Exception):
    """An error of which the log has its line already: whoever catches it last adds none."""


def configure_logging(level: str) -> None:
    """Sets up the one logger of the process.

    ``level`` is one of debug, info, warning, error and critical.
    """
    structlog.configure(
        processors=[
            _drop_if_hushed,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask_secrets,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Forwarding()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)


class _Forwarding(logging.Handler):
    """Gives what libraries log by Python's own means the same form, level and masking."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and isinstance(record.exc_info[1], Told):
            return
        logger = structlog.get_logger()
        logger.log(
            record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info
        )


@contextmanager
def hushed() -> Iterator[None]:
    """Keeps lines below errors from the terminal while something is drawn on it.

    It holds for what is called in the block and for the tasks that are begun there.
    """
    token = _HUSHED.set(True)
    try:
        yield
    finally:
        _HUSHED.reset(token)


def _drop_if_hushed(_logger: Any, method: str, event: MutableMapping[str, Any]) -> Any:
    if _HUSHED.get() and method in ("debug", "info", "warning"):
        raise structlog.DropEvent
    return event


def mask_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """Replaces the values of secret-looking names, and secrets inside texts."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = "***"
        elif isinstance(value, str) and ("=" in value or "@" in value):
            event[name] = _SECRET_IN_TEXT.sub(lambda m: f"{m[1] or m[2]}***", value)
    return event


def _dumps(event: Any, **_options: Any) -> bytes:
    return orjson.dumps(event, default=repr)
