"""A toxic as a proxy has it: its settings, and on which connections it acts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from windtunnel.proxy.chance import draw, generator
from windtunnel.proxy.http1.head import RequestHead
from windtunnel.proxy.http1.rule import RequestRule
from windtunnel.proxy.record import Tally
from windtunnel.proxy.toxics import TOXICS, HttpToxic, Toxic
from windtunnel.proxy.toxics.base import Outlet
from windtunnel.toxiproxy import Stream

HttpKind = type[HttpToxic[Any]]


@dataclass(kw_only=True, eq=False)
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
    rule: RequestRule | None = None
    """Of a toxic on HTTP requests: which of them it acts on."""

    def __post_init__(self) -> None:
        self.rearm()

    @property
    def answers(self) -> bool:
        """It answers requests in the upstream's place."""
        return self._http is not None and self._http.answers

    @property
    def needs_upstream(self) -> bool:
        """It has nothing to act on where the upstream was not asked."""
        return self._http is not None and (self._http.needs_upstream or self.stream == "upstream")

    def rearm(self) -> None:
        """Count from now, when what is counted is not what was counted before."""
        if self._http is not None and (self.rule is None or self.rule.match != self.settings.match):
            self.rule = RequestRule(self.settings.match)

    def decide(self, head: RequestHead, ordinal: int) -> int:
        """The number of the decision to act on this request of the proxy's n-th connection; 0 when it is not to."""
        return self.rule.decide(head, ordinal, self._spared) if self.rule is not None else 0

    def reply(self, method: str, *, closes: bool) -> bytes:
        """What it answers to a request of that method."""
        assert self._http is not None
        return self._http.reply(self.settings, method, closes=closes)

    def acts_on(self, ordinal: int) -> bool:
        """Whether it acts on the proxy's n-th connection. Decided once: nothing that comes later draws again."""
        if self.toxicity >= 1 or self.rule is not None:  # a rule draws for each request
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
            "attributes": self.settings.attributes() if self.rule is not None else asdict(self.settings),
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": self.toxicity,
        }

    @property
    def _http(self) -> HttpKind | None:
        kind = TOXICS[self.type]
        return kind if issubclass(kind, HttpToxic) else None

    def _spared(self, decision: int) -> bool:
        if self.toxicity >= 1:
            return False
        return draw(self.seed, self.proxy, self.name, "request", decision) >= self.toxicity
