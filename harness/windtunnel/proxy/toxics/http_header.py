"""http_header: headers are set or removed, on requests (upstream) or on answers (downstream)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from windtunnel.proxy.http1.body import Body
from windtunnel.proxy.toxics.base import Outlet
from windtunnel.proxy.toxics.http_base import HttpToxic
from windtunnel.proxy.toxics.http_settings import HttpSettings, attribute, header_names, header_values


@dataclass(frozen=True, kw_only=True)
class HttpHeaderSettings(HttpSettings):
    set: Mapping[str, str] = field(default_factory=dict, metadata={"read": header_values})
    """Each is there once afterwards, with this value, whatever was there before."""
    remove: tuple[str, ...] = attribute(header_names, ())
    """Names, in any case."""

    def check(self) -> None:
        both = {name.lower() for name in self.set} & {name.lower() for name in self.remove}
        if both:
            raise ValueError(f"attributes: {', '.join(sorted(both))} is both set and removed; decide for one")


class HttpHeader(HttpToxic[HttpHeaderSettings]):
    """Rewrites the head, once all of it is there. Headers that frame the message cannot be named."""

    Settings = HttpHeaderSettings

    def __init__(self, settings: HttpHeaderSettings, outlet: Outlet) -> None:
        super().__init__(settings, outlet)
        self._head = bytearray()

    def head(self, chunk: bytes) -> None:
        self._head += chunk

    def body_begins(self, body: Body) -> None:
        head = bytes(self._head)
        self._head.clear()
        changed = rewritten(head, self.settings)
        if changed != head:
            self.touch()
        self.outlet.send(changed)

    def eof(self) -> None:
        self._flush()
        super().eof()

    def remove(self) -> None:
        self._flush()

    def stop(self) -> None:
        self._head.clear()

    def _flush(self) -> None:
        if self._head:
            self.outlet.send(bytes(self._head))
            self._head.clear()


def rewritten(head: bytes, settings: HttpHeaderSettings) -> bytes:
    """The head with the headers as the settings want them."""
    gone = {name.lower().encode("latin-1") for name in (*settings.remove, *settings.set)}
    first, *lines = re.split(rb"(?<=\r\n)", head.removesuffix(b"\r\n"))
    kept = [line for line in lines if line.partition(b":")[0].lower() not in gone]
    added = [f"{name}: {value}\r\n".encode("latin-1") for name, value in settings.set.items()]
    return b"".join([first, *kept, *added, b"\r\n"])
