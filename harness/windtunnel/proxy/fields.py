"""What a request says of a proxy and of its toxics. Read whole before anything is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from windtunnel.proxy.collection import ProxyFields
from windtunnel.proxy.decoding import (
    expect,
    lower_keys,
    settings_of,
    text_of,
    toxicity_of,
)
from windtunnel.proxy.errors import (
    BadBodyError,
    InvalidStreamError,
    InvalidToxicTypeError,
    MissingFieldError,
    RefusalError,
    ToxicExistsError,
)
from windtunnel.proxy.http1.api import refuse_unfit
from windtunnel.proxy.installed import ToxicFields
from windtunnel.proxy.toxics import TOXICS
from windtunnel.toxiproxy import Stream


def proxy_fields(body: dict[str, Any], *, toxics: bool = True) -> ProxyFields:
    """What the body says of a proxy. Without `toxics` such a key is ignored, as Toxiproxy does: clients that save a
    proxy send back what they have read.
    """
    enabled, http = body.get("enabled"), body.get("http")
    return ProxyFields(
        name=text_of(body, "name"),
        listen=text_of(body, "listen"),
        upstream=text_of(body, "upstream"),
        enabled=None if enabled is None else expect(enabled, bool, "enabled", "true or false"),
        http=None if http is None else expect(http, bool, "http", "true or false"),
        toxics=toxics_of(body, http=bool(http)) if toxics else None,
    )


def require(fields: ProxyFields, where: str = "") -> None:
    """Raises `MissingFieldError` for a proxy without a name or an upstream."""
    for name in ("name", "upstream"):
        if not getattr(fields, name):
            raise MissingFieldError(name + where)


def populate_fields(value: object) -> list[ProxyFields]:
    """Every proxy of a list, as /populate and the configuration file have it. All are looked at before one is made."""
    entries = [] if value is None else expect(value, list, "the body", "an array")
    wanted = [_entry_fields(entry, number) for number, entry in enumerate(entries, 1)]
    for number, fields in enumerate(wanted, 1):
        require(fields, f" at proxy {number}")
    return wanted


def _entry_fields(entry: object, number: int) -> ProxyFields:
    body = lower_keys(entry, f"proxy {number}")
    try:
        return proxy_fields(body)
    except RefusalError as error:
        raise error.at(f"proxy {number}") from error


def toxics_of(body: dict[str, Any], *, http: bool) -> tuple[ToxicFields, ...] | None:
    """The toxics that a proxy is to have, None when it does not say. Errors name the toxic by its place."""
    entries = body.get("toxics")
    if entries is None:
        return None
    taken: set[str] = set()

    def refuse_taken(name: str) -> None:
        if name in taken:
            raise ToxicExistsError
        taken.add(name)

    found = []
    for number, entry in enumerate(expect(entries, list, "toxics", "an array"), 1):
        try:
            toxic = toxic_fields(lower_keys(entry, "the toxic"), refuse_taken)
            refuse_unfit(toxic.type, toxic.stream, http=http)
            found.append(toxic)
        except RefusalError as error:
            raise error.at(f"toxic {number}") from error
    return tuple(found)


def toxic_fields(given: dict[str, Any], refuse_taken: Callable[[str], None]) -> ToxicFields:
    """One toxic; what is wrong is looked for in Toxiproxy's order. `refuse_taken` raises for a name that is used."""
    lower_keys(given.get("attributes"), "attributes")
    kind, written = text_of(given, "type") or "", text_of(given, "stream")
    toxicity, duration = toxicity_of(given, 1.0), duration_of(given, 0)
    written = "downstream" if written is None else written
    stream = _stream(written)
    if kind not in TOXICS:
        raise InvalidToxicTypeError
    name = text_of(given, "name") or f"{kind}_{written}"
    refuse_taken(name)
    settings = settings_of(TOXICS[kind].Settings, given)
    return ToxicFields(name=name, type=kind, stream=stream, toxicity=toxicity, settings=settings, duration=duration)


def duration_of(given: dict[str, Any], default: int) -> int:
    """Milliseconds until a toxic ends by itself; 0: it does not."""
    value = given.get("duration")
    if value is None:
        return default
    milliseconds = expect(value, int, "duration", "an integer")
    if not 0 <= milliseconds < 2**63:
        raise BadBodyError("duration: write milliseconds, 0 for no end")
    return milliseconds


def _stream(text: str) -> Stream:
    match text.lower():
        case "upstream":
            return "upstream"
        case "downstream":
            return "downstream"
    raise InvalidStreamError
