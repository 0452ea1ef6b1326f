"""What a connect-time toxic is: it stands between taking a connection in and reaching for the upstream.

    accepted ─▸ start() ─▸ door.let_in()   the upstream is dialled, once every such toxic has let it in
                       └─▸ door.end(close=True) or door.reset()   it never is

It acts on connections that come after it. Its stream has no meaning; it counts for its name and its chance only.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from windtunnel.proxy.toxics.base import Outlet, Toxic

S = TypeVar("S")


class Door(Outlet, Protocol):
    """What a connect-time toxic can do. Of an outlet's acts only `end(close=True)`, `reset` and `touch` make sense."""

    def let_in(self) -> None:
        """Nothing more against this connection. Harmless when repeated."""


class ConnectToxic(Toxic[S], Generic[S]):
    """Lets everybody in at once; a subclass says otherwise."""

    def __init__(self, settings: S, door: Door) -> None:
        super().__init__(settings, door)
        self.door = door

    def start(self) -> None:
        self.door.let_in()

    def update(self, settings: S) -> None:
        super().update(settings)
        self.start()

    def remove(self) -> None:
        """Taken off while it held a connection: that one is let in now."""
        self.stop()
        self.door.let_in()
