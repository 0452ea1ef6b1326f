"""Structured logs: one JSON object a line on standard output, with the request id that travels between services.

What is logged is chosen, never dumped: no bodies, no query strings, no headers, so that no token, password or key
can get into a line.
"""

from __future__ import annotations

import functools
import json
import logging
import sys
import traceback
from datetime import UTC, datetime

from resilience import trace

logger = logging.getLogger("storefront")


def event(message: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Log that something happened, with fields of its own."""
    logger.log(level, message, extra={"fields": fields})


# Made once: `json.dumps` with an option makes an encoder for each call.
_encode = json.JSONEncoder(default=str).encode


@functools.lru_cache(maxsize=4)
def _second(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def spare() -> None:
    """Leave out of every record what no line shows: where it was logged, by which thread and process.

    The ways that the standard library documents for it, for the whole process: a third of a line's cost.
    """
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": f"{_second(int(record.created))}.{int(record.msecs):03}+00:00",
            "level": record.levelname.lower(),
            "service": self._service,
            "message": record.getMessage(),
        }
        if trace.request_id.get():
            line["request_id"] = trace.request_id.get()
            line["trace_id"] = trace.trace_id()
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            # Where, not what: an exception's text can hold data of a request.
            line["trace"] = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(record.exc_info[2])]
        return _encode(line)


def configuration(service: str, level: str) -> dict[str, object]:
    """For `logging.config.dictConfig`, the server's own messages included."""
    console = {"class": "logging.StreamHandler", "stream": sys.stdout, "formatter": "json"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter, "service": service}},
        "handlers": {"console": console},
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {
            "storefront": {"level": level.upper()},
            "resilience": {"level": level.upper()},
            # Both write each call at INFO; our own line says more.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
        },
    }
