"""`Retry-After`: how long a server asks us to stay away (RFC 9110, 10.2.3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx


def seconds_asked(response: httpx.Response, wall: Callable[[], float]) -> float | None:
    """Seconds to wait from now, 0 for a moment that has passed; None when the header is missing or garbage.

    A date is compared with the answer's own `Date`, so that a wrong clock on either side does no harm; without one
    with `wall()`, seconds since 1970.
    """
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    then = _timestamp(text)
    if then is None:
        return None
    now = _timestamp(response.headers.get("Date", ""))
    return max(0.0, then - (wall() if now is None else now))


def _timestamp(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
