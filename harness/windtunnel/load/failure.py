"""What went wrong with a request, in the words of `Sample.error`. For the engine's process only."""

from __future__ import annotations

import errno
from typing import Final

from gevent import Timeout
from geventhttpclient.response import HTTPConnectionClosed

KINDS: Final = {
    errno.ECONNREFUSED: "refused",
    errno.EHOSTUNREACH: "refused",
    errno.ENETUNREACH: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ECONNABORTED: "reset",
    errno.ETIMEDOUT: "timeout",
}


def kind_of(error: BaseException) -> str:
    """`timeout`, `refused`, `reset`, `closed`, `protocol`; `generator: ...` for trouble of the generator's own."""
    if isinstance(error, Timeout):
        return "timeout"
    if isinstance(error, HTTPConnectionClosed):
        # The parser calls a reset before the first byte "closed" too, and keeps the socket's error as the context.
        return "reset" if isinstance(error.__context__, ConnectionResetError) else "closed"
    if isinstance(error, OSError):
        return KINDS.get(error.errno or 0, f"generator: {error}")
    return "protocol"
