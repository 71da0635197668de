"""Log lines by structlog: for a terminal, or one JSON object a line, each with the request's id where there is one."""

from __future__ import annotations

import logging
from typing import Any

import structlog

SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.UnicodeDecoder(),
]


def without_request(logger: Any, method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Leave out the request that Django's lines are about: its query may say what was searched for."""
    line.pop("request", None)
    return line


STANDARD = [*SHARED, structlog.stdlib.ExtraAdder(), without_request]
"""For lines of the standard library's loggers, which carry what they are about in `extra`."""

# Asked every few seconds by whoever watches; their answers are not news.
WATCHED = ("/healthz", "/readyz", "/metrics")


def is_news(record: logging.LogRecord) -> bool:
    """Whether a line about a request is worth writing: not when it is a watcher's."""
    if isinstance(record.msg, dict):
        path = str(record.msg.get("request", "")).partition(" ")[2]
    else:
        path = getattr(getattr(record, "request", None), "path", "")
    return not path.startswith(WATCHED)


def logging_settings(*, style: str, level: str) -> dict[str, Any]:
    """Configure structlog and return the ``LOGGING`` setting. ``style`` is ``console`` or ``json``."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if style == "json"
        # Not Rich's tracebacks, which show what variables hold, callers' numbers too, and take a second to write.
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": STANDARD,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
            }
        },
        "filters": {"news": {"()": lambda: is_news}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines", "filters": ["news"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # One line for each message sent and each task run is too much to read, and the tasks log for themselves.
            **{name: {"level": "WARNING"} for name in ("celery.beat", "celery.app.trace", "celery.worker.strategy")},
            "httpx": {"level": "WARNING"},
            "uvicorn": {"handlers": [], "propagate": True, "level": level},
            "uvicorn.access": {"handlers": [], "propagate": False},
        },
    }
