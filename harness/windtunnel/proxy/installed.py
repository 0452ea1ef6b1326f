"""A toxic as a proxy has it: its settings, and on which connections it acts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any, TypeVar, cast

from windtunnel.proxy.chance import draw, generator
from windtunnel.proxy.http1.head import RequestHead
from windtunnel.proxy.http1.rule import RequestRule
from windtunnel.proxy.record import Tally
from windtunnel.proxy.toxics import TOXICS, HttpToxic, Toxic
from windtunnel.proxy.toxics.base import Outlet
from windtunnel.proxy.toxics.connect import ConnectToxic
from windtunnel.toxiproxy import Stream

_T = TypeVar("_T")
HttpKind = type[HttpToxic[Any]]


@dataclass(frozen=True, kw_only=True)
class ToxicFields:
    """What a request says of a toxic."""

    name: str
    type: str
    stream: Stream
    toxicity: float
    settings: Any
    """The settings dataclass of this type."""
    duration: int = 0
    """Milliseconds until it ends by itself; 0: it does not."""


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
    duration: int = 0
    """Milliseconds until it ends by itself; 0: it does not."""
    rule: RequestRule | None = None
    """Of a toxic on HTTP requests: which of them it acts on."""
    _shared: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rearm()

    def fields(self) -> ToxicFields:
        """What a request would say to have it like this."""
        return ToxicFields(
            name=self.name,
            type=self.type,
            stream=self.stream,
            toxicity=self.toxicity,
            settings=self.settings,
            duration=self.duration,
        )

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

    def shared(self, make: Callable[[], _T]) -> _T:
        """What its links share; made by the first that asks."""
        if not self._shared:
            self._shared.append(make())
        return cast(_T, self._shared[0])

    @property
    def at_connect(self) -> bool:
        """Whether it stands at the gate of a connection, not in its links."""
        return issubclass(TOXICS[self.type], ConnectToxic)

    def on_link(self, outlet: Outlet) -> Toxic[Any]:
        """The toxic for one link, or for one gate."""
        return TOXICS[self.type](self.settings, outlet)

    def body(self) -> dict[str, object]:
        """As the API shows it, keys in Toxiproxy's order; what it does not know is shown only where it is used."""
        body: dict[str, object] = {
            "attributes": self._attributes(),
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": _plain(self.toxicity),
        }
        return body | ({"duration": self.duration} if self.duration else {})

    def _attributes(self) -> dict[str, object]:
        if self.rule is not None:
            return dict(self.settings.attributes())
        return {name: _plain(value) for name, value in asdict(self.settings).items()}

    @property
    def _http(self) -> HttpKind | None:
        kind = TOXICS[self.type]
        return kind if issubclass(kind, HttpToxic) else None

    def _spared(self, decision: int) -> bool:
        if self.toxicity >= 1:
            return False
        return draw(self.seed, self.proxy, self.name, "request", decision) >= self.toxicity


def _plain(value: object) -> object:
    """A whole number without a fraction, as Go writes it."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e21 else value
