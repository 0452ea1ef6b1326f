"""URLs of APIs that may hold a user and a password: what is sent, and what may be shown.

Standard library only: the reaper imports this.
"""

from __future__ import annotations

import re
from base64 import b64encode
from urllib.parse import unquote, urlsplit

_CREDENTIALS = re.compile(r"(?i)(?<=://)[^\s/?#]*@")


def without_credentials(text: str) -> str:
    """The text with `user:password@` taken out of every URL in it: for messages."""
    return _CREDENTIALS.sub("", text)


def credentials(url: str) -> tuple[str, str] | None:
    """User and password, as they are meant; None when the URL has none."""
    parts = urlsplit(url)
    if parts.username is None and parts.password is None:
        return None
    return unquote(parts.username or ""), unquote(parts.password or "")


def authorization(url: str) -> dict[str, str]:
    """The header that a request to that URL needs; none where it has no credentials."""
    known = credentials(url)
    return {"Authorization": f"Basic {b64encode(':'.join(known).encode()).decode()}"} if known else {}
