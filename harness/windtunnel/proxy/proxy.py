"""One proxy: a listener, its upstream, its toxics, its open connections and its record.

Toxics and closing act at once and never wait; only listening can take time (a host name to look up), and that is
serialised by `lock`, which no connection ever holds.
"""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count
from typing import Any

from windtunnel.proxy.alarm import Alarm
from windtunnel.proxy.connection import Connection, Side
from windtunnel.proxy.errors import ToxicExistsError, ToxicNotFoundError
from windtunnel.proxy.http1.connection import HttpConnection
from windtunnel.proxy.http1.log import RequestLog
from windtunnel.proxy.installed import InstalledToxic, ToxicFields
from windtunnel.proxy.listener import Listener, Place, split_address
from windtunnel.proxy.record import EdgeCounters
from windtunnel.proxy.setting import Setting


class Proxy:
    """Belongs to the server's event loop: every method runs there."""

    def __init__(self, *, name: str, listen: str, upstream: str, setting: Setting, http: bool = False) -> None:
        self.name, self.upstream, self.setting, self.http = name, upstream, setting, http
        self.requests = RequestLog()
        self.rules: tuple[InstalledToxic, ...] = ()
        self.enabled = False
        self.lock = asyncio.Lock()
        self.record = EdgeCounters()
        self.toxics: dict[str, InstalledToxic] = {}
        self.connections: set[Connection] = set()
        self._listen = listen
        self._listener: Listener | None = None
        self._ordinals = count(1)
        self._orders = count(1)
        self._endings: dict[str, Alarm] = {}

    @property
    def listen(self) -> str:
        """As given until it has been listened on, then with the real host and port."""
        return self._listener.address if self._listener else self._listen

    @property
    def upstream_address(self) -> tuple[str, int]:
        host, port = split_address(self.upstream)
        return host or "localhost", port

    def body(self) -> dict[str, object]:
        """As the API shows it."""
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            **({"http": True} if self.http else {}),
            "toxics": [toxic.body() for toxic in self.chain()],
        }

    def chain(self) -> list[InstalledToxic]:
        """Upstream toxics first, then downstream ones, each in the order they were added."""
        return sorted(self._in_order(), key=lambda toxic: toxic.stream != "upstream")

    def occupy(self, place: Place) -> None:
        """Take the port, without listening yet. The old one is given back only when the new one could be had."""
        taken = Listener(place)
        self.leave()
        self._listener = taken
        self.record.move()

    def leave(self) -> None:
        """Stop, and give the port back."""
        self.disable()
        if self._listener is not None:
            self._listen = self._listener.address
            self._listener.close()
            self._listener = None

    def move(self, listen: str) -> None:
        """Set where to listen when it is enabled next. Only without a port."""
        assert self._listener is None
        self._listen = listen
        self.record.move()

    def lead_to(self, upstream: str) -> None:
        """Another upstream; connections to the old one end."""
        self.upstream = upstream
        self.end_connections()
        self.record.move()

    @property
    def has_port(self) -> bool:
        return self._listener is not None

    async def enable(self) -> None:
        """Listen on the port taken by `occupy`. Raises `ListenError`."""
        assert self._listener is not None
        if not self.enabled:
            await self._listener.open(self._accept)
            self.enabled = True

    def disable(self) -> None:
        """Refuse connections and end the open ones, now. Toxics stay."""
        self.enabled = False
        if self._listener is not None:
            self._listener.shut()
        self.end_connections()

    def end_connections(self) -> None:
        """Cut every open connection."""
        for connection in tuple(self.connections):
            connection.abort()

    def add_toxic(self, fields: ToxicFields) -> InstalledToxic:
        """Add a toxic at the end of its chain, on open connections too. Raises `ToxicExistsError`."""
        self.refuse_taken(fields.name)
        toxic = self.toxics[fields.name] = InstalledToxic(
            name=fields.name,
            type=fields.type,
            stream=fields.stream,
            toxicity=fields.toxicity,
            settings=fields.settings,
            proxy=self.name,
            seed=self.setting.seed,
            order=next(self._orders),
            touched=self.record.for_toxic(fields.name),
        )
        self._limit(toxic, fields.duration)
        for connection in tuple(self.connections):
            connection.link(toxic).install(toxic)
        self._list_rules()
        return toxic

    def have_toxics(self, wanted: tuple[ToxicFields, ...]) -> None:
        """Exactly these, in this order; what is so already is left alone."""
        if tuple(toxic.fields() for toxic in self._in_order()) == wanted:
            return
        self.clear_toxics()
        for fields in wanted:
            self.add_toxic(fields)

    def refuse_taken(self, name: str) -> None:
        """Raises `ToxicExistsError` when a toxic of this name is there; a name is unique across both streams."""
        if name in self.toxics:
            raise ToxicExistsError

    def toxic(self, name: str) -> InstalledToxic:
        """Raises `ToxicNotFoundError`."""
        try:
            return self.toxics[name]
        except KeyError:
            raise ToxicNotFoundError from None

    def update_toxic(
        self, toxic: InstalledToxic, *, toxicity: float, settings: Any, duration: int | None = None
    ) -> None:
        """All at once; open connections follow. A `duration` counts from now."""
        toxic.toxicity, toxic.settings = toxicity, settings
        toxic.rearm()
        if duration is not None:
            self._limit(toxic, duration)
        for connection in tuple(self.connections):
            connection.link(toxic).refresh(toxic)

    def remove_toxic(self, name: str) -> None:
        """Raises `ToxicNotFoundError`."""
        toxic = self.toxic(name)
        del self.toxics[name]
        self._endings.pop(name).cancel()
        self._list_rules()
        for connection in tuple(self.connections):
            connection.link(toxic).uninstall(toxic)

    def clear_toxics(self) -> None:
        """Remove all toxics and what the record says of them."""
        for name in tuple(self.toxics):
            self.remove_toxic(name)
        self.record.forget_toxics()

    def retire(self) -> None:
        """Leave for good: nothing of it is waiting any more."""
        self.leave()
        for ending in self._endings.values():
            ending.cancel()

    def admit(self, connection: Connection) -> bool:
        if not self.enabled:
            return False
        self.connections.add(connection)
        self.record.begin(connection.story)
        for toxic in self.toxics.values():
            connection.link(toxic).install(toxic)
        return True

    def forget(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self.record.finish(connection.story, self.setting.clock())

    def _in_order(self) -> list[InstalledToxic]:
        return sorted(self.toxics.values(), key=lambda toxic: toxic.order)

    def _limit(self, toxic: InstalledToxic, duration: int) -> None:
        """Let the toxic end by itself after so many milliseconds; 0: never."""
        toxic.duration = duration
        ending = self._endings.get(toxic.name)
        if ending is None:
            end = partial(self.remove_toxic, toxic.name)
            ending = self._endings[toxic.name] = Alarm(self.setting.loop, self.setting.clock, end)
        if duration:
            ending.set(self.setting.clock() + duration / 1000)
        else:
            ending.cancel()

    def _accept(self) -> Side:
        return (HttpConnection if self.http else Connection)(self, next(self._ordinals)).client

    def _list_rules(self) -> None:
        self.rules = tuple(toxic for toxic in self.toxics.values() if toxic.rule is not None)
