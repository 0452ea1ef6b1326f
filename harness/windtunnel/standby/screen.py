"""What the first terminal shows: a table that is drawn again each second; elsewhere plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from windtunnel.checks.figures import milliseconds, percent
from windtunnel.standby.in_place import InPlace
from windtunnel.standby.rates import EdgeRate
from windtunnel.topology.model import Topology

if TYPE_CHECKING:
    from rich.console import RenderableType

LOG_EVERY: Final = 10.0
"""Seconds between two lines of figures where there is no terminal."""
UNKNOWN: Final = "-"


@dataclass(frozen=True, kw_only=True)
class View:
    """All that is shown, at one moment."""

    now: float
    rates: Sequence[EdgeRate]
    faults: Sequence[InPlace]
    load: str = ""
    """The load's own line; empty without one."""


class Screen(Protocol):
    """Where a standing system is shown."""

    def tell(self, text: str) -> None:
        """Something happened. Any thread may."""

    def draw(self, view: View) -> None:
        """Called once a second."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def screen_for(topology: Topology) -> Screen:
    """What suits this process's output."""
    return TableScreen(topology) if sys.stdout.isatty() else LineScreen()


class LineScreen:
    """A line for each change, and one with the figures every ten seconds."""

    def __init__(self) -> None:
        self._next: float | None = None

    def tell(self, text: str) -> None:
        print(stamped(text), flush=True)

    def draw(self, view: View) -> None:
        if self._next is None:
            self._next = view.now + LOG_EVERY
        if view.now >= self._next:
            self._next += LOG_EVERY
            self.tell(one_line(view))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class TableScreen:
    """What happens scrolls by above a table that stays."""

    def __init__(self, topology: Topology) -> None:
        from rich.console import Console
        from rich.live import Live

        self._topology, self._console = topology, Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False)

    def tell(self, text: str) -> None:
        self._console.print(stamped(text), markup=False)

    def draw(self, view: View) -> None:
        self._live.update(self.picture(view), refresh=True)

    def picture(self, view: View) -> RenderableType:
        """The table, the faults, the load."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("edge")
        for name in ("per second", "failed", "p95"):
            table.add_column(name, justify="right")
        table.add_column("faults")
        for rate in view.rates:
            numbers = ", ".join(str(entry.number) for entry in view.faults if self._concerns(entry, rate.edge))
            style = "red" if numbers else ""
            table.add_row(Text(rate.edge), *map(Text, figures(rate)), Text(numbers), style=style)
        lines = [Text(fault_line(entry, view.now), style="red") for entry in view.faults] or [Text("no faults")]
        return Group(Text(), table, Text(), *lines, *([Text(view.load)] if view.load else []))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def _concerns(self, entry: InPlace, link: str) -> bool:
        return any(link in self._topology.links_of(edge) for edge in entry.asked.step.edges)


def figures(rate: EdgeRate) -> tuple[str, str, str]:
    """Rate, share failed, p95: `20.2`, `1.5%`, `34ms`. Where no HTTP is spoken: connections and bytes."""
    if rate.rate is None:
        return UNKNOWN, UNKNOWN, UNKNOWN
    if rate.bytes_per_second is not None:
        return f"{rate.rate:.1f} conn, {rate.bytes_per_second / 1000:.1f} KB", UNKNOWN, UNKNOWN
    failed = UNKNOWN if rate.failed is None else percent(rate.failed)
    return f"{rate.rate:.1f}", failed, UNKNOWN if rate.p95 is None else milliseconds(rate.p95)


def fault_line(entry: InPlace, now: float) -> str:
    """`1 orders->payments latency=800ms: proven, 12s left`."""
    left = entry.left(now)
    return f"{entry}: {entry.state}{'' if left is None else f', {left:.0f}s left'}"


def one_line(view: View) -> str:
    """All figures of the edges that carry something, the faults, and the load."""
    busy = [f"{rate.edge} {_short(rate)}" for rate in view.rates if rate.rate or rate.bytes_per_second]
    faults = [f"in place: {fault_line(entry, view.now)}" for entry in view.faults]
    return " | ".join([*([view.load] if view.load else []), *(busy or ["no traffic on any edge"]), *faults])


def stamped(text: str) -> str:
    """With the time of day."""
    return f"{time.strftime('%H:%M:%S')} {text}"


def _short(rate: EdgeRate) -> str:
    often, failed, p95 = figures(rate)
    if rate.bytes_per_second is not None:
        return f"{often}/s"
    return f"{often}/s, {failed} failed, p95 {p95}"
