"""Between accept and dial: the connect-time toxics of one connection. Open once all of them have let it in."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable
from random import Random
from typing import Protocol, TypeVar

from windtunnel.proxy.alarm import Clock
from windtunnel.proxy.history import Story
from windtunnel.proxy.installed import InstalledToxic
from windtunnel.proxy.record import Tally

_T = TypeVar("_T")


class Owner(Protocol):
    """What a gate needs from its connection."""

    @property
    def story(self) -> Story: ...

    def let_in(self) -> None:
        """Dial the upstream."""

    def close(self) -> None: ...

    def reset(self) -> None: ...


class Keeper:
    """One toxic's place at the gate; the toxic's `Door`."""

    def __init__(self, gate: Gate, installed: InstalledToxic) -> None:
        self.loop: AbstractEventLoop = gate.loop
        self.clock: Clock = gate.clock
        self.installed = installed
        self.passed = False
        self._gate = gate
        self._tally: Tally | None = installed.touched
        self.toxic = installed.on_link(self)

    def send(self, chunk: bytes) -> None:
        raise NotImplementedError("nothing passes a connection that is not let in")

    def let_in(self) -> None:
        self.passed = True
        self._gate.look()

    def end(self, *, close: bool = False) -> None:
        self._gate.owner.story.because(f"toxic {self.installed.name}")
        self._gate.owner.close()

    def reset(self) -> None:
        self._gate.owner.story.because(f"toxic {self.installed.name}")
        self._gate.owner.reset()

    def touch(self) -> None:
        if self._tally is not None:
            self._tally.count += 1
            self._tally = None
            self._gate.owner.story.touch(self.installed.name)

    def generator(self) -> Random:
        return self.installed.generator(self._gate.owner.story.ordinal)

    def shared(self, make: Callable[[], _T]) -> _T:
        return self.installed.shared(make)


class Gate:
    """Toxics come to it as to a link. When it has been opened, or stopped, none has any effect any more."""

    def __init__(self, *, owner: Owner, loop: AbstractEventLoop, clock: Clock) -> None:
        self.owner, self.loop, self.clock = owner, loop, clock
        self._keepers: list[Keeper] = []
        self._done = self._ready = False

    def open(self) -> None:
        """The connection is there: let it in as soon as no toxic is against it."""
        self._ready = True
        self.look()

    def look(self) -> None:
        """Whether it can be let in now."""
        if self._ready and not self._done and all(keeper.passed for keeper in self._keepers):
            self.stop()
            self.owner.let_in()

    def install(self, installed: InstalledToxic) -> None:
        """Put the toxic up, if it acts on this connection."""
        if self._done:
            return
        acts = installed.acts_on(self.owner.story.ordinal)
        self.owner.story.decide(installed.name, acts)
        if acts:
            keeper = Keeper(self, installed)
            self._keepers.append(keeper)
            keeper.toxic.start()

    def refresh(self, installed: InstalledToxic) -> None:
        """The toxic's settings or its toxicity have changed."""
        keeper = self._keeper_of(installed)
        if keeper is None:
            self.install(installed)
        elif installed.acts_on(self.owner.story.ordinal):
            keeper.toxic.update(installed.settings)
        else:
            self.uninstall(installed)

    def uninstall(self, installed: InstalledToxic) -> None:
        """Take the toxic off: it is against nobody any more."""
        keeper = self._keeper_of(installed)
        if keeper is not None:
            keeper.toxic.remove()

    def stop(self) -> None:
        """Nothing more will happen here: alarms are cancelled."""
        self._done = True
        for keeper in self._keepers:
            keeper.toxic.stop()
        self._keepers.clear()

    def _keeper_of(self, installed: InstalledToxic) -> Keeper | None:
        return next((keeper for keeper in self._keepers if keeper.installed is installed), None)
