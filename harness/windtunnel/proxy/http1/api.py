"""What the control API asks of the HTTP side before it acts."""

from __future__ import annotations

from urllib.parse import parse_qs

from windtunnel.proxy.errors import BadQueryError, UnfitToxicError
from windtunnel.proxy.toxics import TOXICS, HttpToxic
from windtunnel.toxiproxy import Stream


def refuse_unfit(kind: str, stream: Stream, *, http: bool) -> None:
    """Raises `UnfitToxicError` for a toxic on HTTP requests that could never act where it is put."""
    toxic = TOXICS[kind]
    if not issubclass(toxic, HttpToxic):
        return
    if not http:
        raise UnfitToxicError(f'{kind} needs a proxy that reads HTTP: create or update it with "http": true')
    if stream not in toxic.streams:
        raise UnfitToxicError(f"{kind} acts on answers: its stream is downstream")


def since_of(query: str) -> int:
    """The number in `since=N`, 0 when it is not given. Raises `BadQueryError`."""
    given = parse_qs(query, keep_blank_values=True).get("since", ["0"])[-1]
    if not (given.isascii() and given.isdigit() and len(given) < 16):
        raise BadQueryError(f"since: want a number such as 0, got {given[:40]!r}")
    return int(given)
