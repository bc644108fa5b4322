"""Structured logs: one JSON object a line on standard error, secrets masked."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

_SECRET_NAMES = re.compile(r"key|secret|password|token|authorization|cookie|jwt", re.IGNORECASE)
_SECRET_IN_TEXT = re.compile(
    r"((?:apikey|jwt|key|token|refresh|rt-apikey)=)[^&\s\"']+|(://[^:/@\s]+:)[^@\s]+(?=@)",
    re.IGNORECASE,
)


def configure_logging(level: str) -> None:
    """Sets up the one logger of the process; ``level`` is one of debug, info, warning and error."""
    structlog.configure(
        processors=[
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
