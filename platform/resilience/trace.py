"""Who caused this work: the request id and the W3C trace context, received, kept, passed on.

Nothing is recorded or exported here. A context that is only passed on costs a few microseconds, and makes the logs of
all services, and the tracing of everybody who does record, fit together. (W3C Trace Context, level 1.)
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass

REQUEST_ID = "X-Request-Id"
TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Later versions may append fields; version ff is forbidden, and so are ids of zeros only.
_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_LONGEST_STATE = 512

request_id: ContextVar[str] = ContextVar("resilience.request_id", default="")
"""The id of the request that this thread works on; empty outside of one."""


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The trace that this work belongs to."""

    trace_id: str
    """32 hexadecimal digits."""
    flags: str = "00"
    """Two hexadecimal digits; 01 is sampled."""
    state: str = ""
    """The vendors' own part, passed on as it came."""


_context: ContextVar[TraceContext | None] = ContextVar("resilience.trace_context", default=None)

inject: Callable[[dict[str, str]], None] | None = None
"""Set by a tracer that records: puts its own current span into the headers of a call."""


def new_id() -> str:
    """32 hexadecimal digits. Nobody has to be unable to guess them, so they come from where it costs least."""
    return f"{random.getrandbits(128):032x}"


def receive(headers: Mapping[str, str]) -> None:
    """Take over what a request, or a stored message, carries; what is missing or garbled is made anew."""
    sent = headers.get(REQUEST_ID, "")
    request_id.set(sent if _SAFE_ID.fullmatch(sent) else new_id())
    _context.set(_parsed(headers.get(TRACEPARENT, ""), headers.get(TRACESTATE, "")))


def carry() -> dict[str, str]:
    """The headers of a call, or of a message, made on behalf of the current work; a new span id each time."""
    context = _context.get()
    headers = {REQUEST_ID: request_id.get() or new_id()}
    if context is None:
        context = _new()
        _context.set(context)
    headers[TRACEPARENT] = f"00-{context.trace_id}-{random.getrandbits(64) or 1:016x}-{context.flags}"
    if context.state:
        headers[TRACESTATE] = context.state
    if inject is not None:
        inject(headers)
    return headers


def trace_id() -> str:
    """Of the current work; empty outside of one."""
    context = _context.get()
    return context.trace_id if context else ""


def forget() -> None:
    """This thread begins something that nobody asked for."""
    request_id.set("")
    _context.set(None)


def _parsed(parent: str, state: str) -> TraceContext:
    match = _PARENT.fullmatch(parent.strip().lower()) if parent else None
    if match is None or (match[1] == "00" and match[5]):
        return _new()  # and its tracestate must not be used either
    usable = len(state) <= _LONGEST_STATE and state.isprintable()
    return TraceContext(match[2], match[4], state.strip() if usable else "")


def _new() -> TraceContext:
    return TraceContext(new_id())
