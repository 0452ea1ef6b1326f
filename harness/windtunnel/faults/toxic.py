"""Faults that are toxics: add them, see them in the proxy's state, see a canary meet them, see the load meet them.

A new one is a subclass in a file of its own: the type of the toxic, the default stream, the attributes, and what a
canary sees when it meets it.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

from windtunnel.errors import InjectionUnprovenError, ProxyError
from windtunnel.faults.base import UndoRecord
from windtunnel.faults.canary import Sighting, Song
from windtunnel.faults.edge import EdgeFault, until_seen
from windtunnel.faults.patience import Patience
from windtunnel.faults.watch import Watch
from windtunnel.spec.model import FaultStep
from windtunnel.toxiproxy import Attributes, Stream, Toxic

DOUBT = 1e-6
"""How improbable it must be that a toxic of that toxicity spares every canary."""
SEARCH = 10.0
"""Seconds within which a canary must meet a toxic that spares some connections."""
NOT_FOUND = 404


class ToxicFault(EdgeFault):
    """A fault made of toxics, usually one."""

    type: ClassVar[str]
    stream: ClassVar[Stream] = "downstream"
    """Where the step names none."""

    def __init__(self, step: FaultStep, *, patience: Patience | None = None) -> None:
        super().__init__(step, patience=patience)
        self._toxics: dict[str, tuple[Toxic, ...]] = {}
        self._own: dict[str, int] = {}

    @abstractmethod
    def met(self, watch: Watch, seen: Sighting) -> bool:
        """Whether what the canary saw is what this toxic does."""

    @abstractmethod
    def expected(self, watch: Watch) -> str:
        """What a canary that meets it must see, for messages."""

    def attributes(self) -> Attributes:
        """Those of the toxic, from the step's: the names are the same."""
        return {name: self.param(name) for name in self.shape.params}

    def kinds(self) -> tuple[tuple[str, Stream], ...]:
        """Type and stream of each toxic."""
        return ((self.type, self.step.stream or self.stream),)

    def probe(self, watch: Watch) -> Song:
        """The song that a canary sings under the fault."""
        song = self.song(watch)
        return Song(exchanges=song.exchanges, patience=watch.window)

    def certainty(self) -> float:
        """Chance that a canary on a connection that the toxic acts on can tell."""
        return 1.0

    def rounds(self, watch: Watch) -> int:
        """How many canaries must meet it one after the other, where it spares nobody."""
        return 1

    def param(self, name: str) -> int:
        return int(self.step.params.get(name, 0))

    def listen(self, watch: Watch) -> None:
        if self.step.toxicity <= 0:
            raise InjectionUnprovenError(
                f"edge {watch.name}: a toxicity of 0 acts on no connection; write a share above 0, such as 0.5"
            )
        super().listen(watch)

    def records(self, watch: Watch) -> tuple[UndoRecord, ...]:
        watch.proxy.permit("toxics")
        taken = {toxic.name for toxic in watch.proxy.state().toxics}
        self._toxics[watch.name] = tuple(
            Toxic(
                name=free_name(f"{watch.proxy.tag}{self.step.fault}_{stream}", self.step.line, taken),
                type=type_,
                stream=stream,
                toxicity=self.step.toxicity,
                attributes=self.attributes(),
            )
            for type_, stream in self.kinds()
        )
        place = {"api": watch.proxy.client.url, "proxy": watch.proxy.name}
        return tuple(UndoRecord(op="toxic_remove", data={**place, "toxic": t.name}) for t in self._toxics[watch.name])

    def inject(self, watch: Watch) -> None:
        for toxic in self._toxics[watch.name]:
            watch.proxy.add_toxic(
                toxic.type,
                name=toxic.name,
                stream=toxic.stream,
                toxicity=toxic.toxicity,
                attributes=toxic.attributes,
            )

    def show(self, watch: Watch) -> str:
        self._show_state(watch)
        seen = self._show_canary(watch)
        if watch.proxy.evidence == "connections":
            until_seen(
                lambda: self._touches(watch) > 0,
                self.patience,
                1.0,
                f"edge {watch.name}: a canary was {seen}, but the proxy says that {self.step.fault} touched nothing",
            )
        self._own[watch.name] = min(watch.canaries * len(self._toxics[watch.name]), self._touches(watch))
        before = f"it had carried {watch.carried()} bytes before; " if self.traffic != "none" else ""
        return (
            f"edge {watch.name}: {before}{', '.join(map(_words, self._toxics[watch.name]))} read back; "
            f"a canary was {seen}, healthy {watch.typical * 1000:.0f} ms"
        )

    def show_on_load(self, watch: Watch, timeout: float) -> str:
        if watch.proxy.evidence != "connections":
            return watch.show_passage(timeout, self.patience)
        until_seen(
            lambda: self.touched_by_load(watch) > 0,
            self.patience,
            timeout,
            f"edge {watch.name}: {self.step.fault} met our own canary and no request of the load",
        )
        return f"edge {watch.name}: touched {self.touched_by_load(watch)} connections of the load"

    def touched_by_load(self, watch: Watch) -> int:
        # Without a proof every canary may have been touched.
        own = self._own.get(watch.name, watch.canaries * len(self._toxics[watch.name]))
        return max(self._touches(watch) - own, 0)

    def lift(self, watch: Watch) -> None:
        for toxic in self._toxics.get(watch.name, ()):
            try:
                watch.proxy.remove_toxic(toxic.name)
            except ProxyError as error:
                if error.status != NOT_FOUND:
                    raise

    def trace(self, watch: Watch) -> str | None:
        mine = {toxic.name for toxic in self._toxics[watch.name]}
        left = [toxic.name for toxic in watch.proxy.state().toxics if toxic.name in mine]
        return f"the toxic {', '.join(left)} is still there" if left else None

    def _touches(self, watch: Watch) -> int:
        touched = watch.proxy.record().touched
        return sum(touched.get(toxic.name, 0) for toxic in self._toxics[watch.name])

    def _show_state(self, watch: Watch) -> None:
        state = watch.proxy.state()
        there = {toxic.name: toxic for toxic in state.toxics}
        for asked in self._toxics[watch.name]:
            found = there.get(asked.name)
            if not state.enabled or found is None or not same(asked, found):
                raise InjectionUnprovenError(
                    f"edge {watch.name}: asked for {_words(asked)}, but the proxy has "
                    f"{_words(found) if found else 'no such toxic'}{'' if state.enabled else ' and is disabled'}"
                )

    def _show_canary(self, watch: Watch) -> Sighting:
        chance = self.step.toxicity * self.certainty()
        if chance >= 1:
            sightings = [watch.sing(self.probe(watch)) for _ in range(self.rounds(watch))]
            seen = next((seen for seen in sightings if not self.met(watch, seen)), None)
            if seen is None:
                return sightings[-1]
            raise InjectionUnprovenError(f"edge {watch.name}: a canary was {seen}, not {self.expected(watch)}")
        return self._search(watch, math.ceil(math.log(DOUBT) / math.log(1 - chance)))

    def _search(self, watch: Watch, most: int) -> Sighting:
        """Canary after canary, each on a connection of its own, until one meets the toxic."""
        end = self.patience.clock() + SEARCH
        before = watch.canaries
        while watch.canaries - before < most and self.patience.clock() < end:
            seen = watch.sing(self.probe(watch))
            if self.met(watch, seen):
                return seen
        raise InjectionUnprovenError(
            f"edge {watch.name}: none of {watch.canaries - before} canaries was {self.expected(watch)}; "
            f"toxicity {self.step.toxicity:g}"
        )


class SlowingToxic(ToxicFault):
    """A toxic that costs time: what a canary needs is at least `threshold`, where a healthy one needs less."""

    LONGEST = 10.0
    """Seconds after which a canary that still waits has seen enough."""

    @abstractmethod
    def threshold(self, watch: Watch) -> float:
        """Seconds that a canary which meets the toxic needs at the very least."""

    def listen(self, watch: Watch) -> None:
        super().listen(watch)
        if watch.fastest >= self.threshold(watch):
            raise InjectionUnprovenError(
                f"edge {watch.name}: {self.step.fault} of {self.threshold(watch) * 1000:.0f} ms cannot be told from a "
                f"healthy answer, which takes {watch.fastest * 1000:.0f} ms; make it larger"
            )

    def probe(self, watch: Watch) -> Song:
        song = self.song(watch)
        longest = min(self.threshold(watch) * 2 + watch.window, max(self.LONGEST, watch.window))
        return Song(exchanges=song.exchanges, at_once=song.at_once, farewell=song.farewell, patience=longest)

    def met(self, watch: Watch, seen: Sighting) -> bool:
        slow = seen.seconds >= min(self.threshold(watch), self.LONGEST)
        return slow and seen.outcome in ("answered", "silent")

    def expected(self, watch: Watch) -> str:
        return f"slowed to {self.threshold(watch) * 1000:.0f} ms or more"

    def rounds(self, watch: Watch) -> int:
        """One is enough where no machine is that slow by itself; else three, the fastest of which counts."""
        slowest = max(seen.seconds for seen in watch.healthy)
        return 1 if self.threshold(watch) >= max(0.2, 10 * slowest) else 3


def free_name(base: str, line: int, taken: set[str]) -> str:
    """The same in every run, because the server's chance depends on it; unlike any in `taken`, to which it is added."""
    stem = f"{base}_{line}" if line else base
    name = next(n for n in (stem, *(f"{stem}.{i}" for i in range(2, len(taken) + 3))) if n not in taken)
    taken.add(name)
    return name


def same(asked: Toxic, found: Toxic) -> bool:
    """Whether the server has what it was asked for. It keeps toxicity in 32 bits."""
    return (
        (asked.type, asked.stream) == (found.type, found.stream)
        and math.isclose(asked.toxicity, found.toxicity, rel_tol=1e-6)
        and all(found.attributes.get(name) == value for name, value in asked.attributes.items())
    )


def _words(toxic: Toxic) -> str:
    attributes = " ".join(f"{name}={value}" for name, value in toxic.attributes.items())
    return f"{toxic.type} {toxic.stream} toxicity={toxic.toxicity:g} {attributes}".strip()
