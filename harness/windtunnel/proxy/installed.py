"""A toxic as a proxy has it: its settings, and on which connections it acts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from windtunnel.proxy.chance import draw, generator
from windtunnel.proxy.record import Tally
from windtunnel.proxy.toxics import TOXICS, Toxic
from windtunnel.proxy.toxics.base import Outlet
from windtunnel.toxiproxy import Stream


@dataclass(kw_only=True)
class InstalledToxic:
    """One toxic of one proxy. Every link it acts on has a `Toxic` of its own, made by `on_link`."""

    name: str
    type: str
    stream: Stream
    toxicity: float
    settings: Any
    """The settings dataclass of this type."""
    proxy: str
    seed: int
    order: int
    """Its place in the chain: toxics act in the order in which they were added."""
    touched: Tally

    def acts_on(self, ordinal: int) -> bool:
        """Whether it acts on the proxy's n-th connection. Decided once: nothing that comes later draws again."""
        if self.toxicity >= 1:
            return True
        return draw(self.seed, self.proxy, self.name, self.stream, ordinal) < self.toxicity

    def generator(self, ordinal: int) -> Random:
        """Chance for this toxic on the proxy's n-th connection."""
        return generator(self.seed, self.proxy, self.name, self.stream, ordinal)

    def on_link(self, outlet: Outlet) -> Toxic[Any]:
        """The toxic for one link."""
        return TOXICS[self.type](self.settings, outlet)

    def body(self) -> dict[str, object]:
        """As the API shows it, keys in Toxiproxy's order."""
        return {
            "attributes": asdict(self.settings),
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": self.toxicity,
        }
