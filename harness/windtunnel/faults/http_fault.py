"""Faults on HTTP requests: the rule picks requests of the load, so a canary alone cannot meet it without using it up.

Therefore the proof has two halves. A *twin* of the toxic, which differs in nothing but that it is for one canary, is
put beside it, met, seen in the request record, and removed: this proxy does that, on this very edge. And by the end of
the phase the record must show requests of the load that the toxic itself acted on, with its effect.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from windtunnel.edge_requests import EdgeRequest
from windtunnel.errors import CapabilityError, InjectionUnprovenError, ProxyError
from windtunnel.faults.base import UndoRecord
from windtunnel.faults.canary import Sighting, Song
from windtunnel.faults.dialect import Http
from windtunnel.faults.edge import until_seen
from windtunnel.faults.patience import Patience
from windtunnel.faults.toxic import NOT_FOUND, ToxicFault, free_name
from windtunnel.faults.watch import Watch
from windtunnel.request_match import RequestMatch, read_match
from windtunnel.spec.model import FaultStep
from windtunnel.stack.base import Stack
from windtunnel.toxiproxy import Attributes, Toxic

RECORDED = 2.0
"""Seconds that the canary's request has to appear in the record."""


@dataclass
class Heard:
    """What a canary says, with what it heard: the dialect keeps the bytes."""

    http: Http
    exchanges: int = 1
    inbox: bytes = b""

    @property
    def opening(self) -> bytes:
        return self.http.opening

    @property
    def request(self) -> bytes:
        return self.http.request

    def complete(self, inbox: bytes, *, ended: bool) -> int:
        self.inbox = inbox
        return self.http.complete(inbox, ended=ended)

    @property
    def head(self) -> bytes:
        return self.inbox.partition(b"\r\n\r\n")[0]

    @property
    def content(self) -> bytes:
        """The body from its first byte on; later chunks keep their sizes."""
        head, _, body = self.inbox.partition(b"\r\n\r\n")
        return body.partition(b"\r\n")[2] if b"transfer-encoding" in head.lower() else body


class HttpFault(ToxicFault):
    """A fault made of one toxic on requests. The type of the toxic is the fault's name."""

    def __init__(self, step: FaultStep, *, patience: Patience | None = None) -> None:
        super().__init__(step, patience=patience)
        self._twins: dict[str, str] = {}
        self._since: dict[str, int] = {}
        self.healthy: dict[str, Heard] = {}
        """By edge: an answer while nothing was wrong."""

    @abstractmethod
    def sees(self, watch: Watch, seen: Sighting, heard: Heard) -> bool:
        """Whether what the twin's canary saw is what this fault does."""

    @abstractmethod
    def shows(self, request: EdgeRequest) -> bool:
        """Whether a recorded request that was touched shows what this fault does."""

    def twin_attributes(self, watch: Watch) -> Mapping[str, object]:
        """What the twin has otherwise, because a canary's answer is not the load's."""
        return {}

    def longest(self, watch: Watch) -> float:
        """Seconds that the twin's canary may need."""
        return watch.window

    def plan(self, stack: Stack) -> tuple[UndoRecord, ...]:
        links = [stack.topology.links_of(edge) for edge in self.step.edges]
        for edge, link in (pair for found in links for pair in found.items()):
            if link.protocol != "http":
                raise CapabilityError(
                    f"{self.step.fault} needs an edge with protocol: http; {edge} has {link.protocol}"
                )
            if not stack.proxy(edge).state().http:
                raise CapabilityError(
                    f"{self.step.fault} needs a proxy that reads HTTP; that of {edge} does not ({stack.proxy_kind})"
                )
        return super().plan(stack)

    def attributes(self) -> Attributes:
        match = (self.step.match or RequestMatch()).plain()
        # As the server will show it: a match made by hand may be written otherwise.
        return {**self.step.params, "match": read_match(match).plain()}

    def listen(self, watch: Watch) -> None:
        super().listen(watch)
        heard = self.healthy[watch.name] = self._ear(watch)
        watch.sing(Song(patience=watch.window), heard)

    def records(self, watch: Watch) -> tuple[UndoRecord, ...]:
        records = super().records(watch)
        taken = {toxic.name for toxic in (*watch.proxy.state().toxics, *self._toxics[watch.name])}
        twin = self._twins[watch.name] = free_name(f"{watch.proxy.tag}{self.step.fault}_twin", self.step.line, taken)
        place = {"api": watch.proxy.client.url, "proxy": watch.proxy.name}
        return (*records, UndoRecord(op="toxic_remove", data={**place, "toxic": twin}))

    def inject(self, watch: Watch) -> None:
        self._since[watch.name] = watch.proxy.requests().next
        super().inject(watch)

    def show(self, watch: Watch) -> str:
        self._show_state(watch)
        (mine,) = self._toxics[watch.name]
        seen = self._show_twin(watch, mine)
        match = self.step.match or RequestMatch()
        return (
            f"edge {watch.name}: {mine.type} {mine.stream} for {match} read back; its twin for one canary left that "
            f"{seen}, which the record shows; healthy {watch.typical * 1000:.0f} ms"
        )

    def show_on_load(self, watch: Watch, timeout: float) -> str:
        (mine,) = self._toxics[watch.name]
        found: list[EdgeRequest] = []

        def look() -> bool:
            found[:] = self._touched(watch, mine.name)
            return bool(found)

        match = self.step.match or RequestMatch()
        until_seen(
            look,
            self.patience,
            timeout,
            f"edge {watch.name}: the record shows no request of the load on which {self.step.fault} acted; "
            f"it was for {match}",
        )
        last = found[-1]
        return (
            f"edge {watch.name}: acted on {self.touched_by_load(watch)} requests of the load; the record shows "
            f"{last.method} {last.path}: {last.status or 'no status'}, {last.ended} after {last.seconds * 1000:.0f} ms"
        )

    def touched_by_load(self, watch: Watch) -> int:
        """Canaries are never counted: the rule passes them by."""
        return self._touches(watch)

    def lift(self, watch: Watch) -> None:
        super().lift(watch)
        if watch.name in self._twins:
            self._remove_twin(watch)

    def trace(self, watch: Watch) -> str | None:
        left = [toxic.name for toxic in watch.proxy.state().toxics if toxic.name == self._twins[watch.name]]
        return super().trace(watch) or (f"the toxic {left[0]} is still there" if left else None)

    def met(self, watch: Watch, seen: Sighting) -> bool:
        """The usual canaries are passed by."""
        return False

    def _show_twin(self, watch: Watch, mine: Toxic) -> Sighting:
        name = self._twins[watch.name]
        agent = f"windtunnel-canary/{name}"
        attributes = {**mine.attributes, **self.twin_attributes(watch), "match": {"headers": {"user-agent": agent}}}
        watch.proxy.add_toxic(mine.type, name=name, stream=mine.stream, attributes=attributes)
        try:
            heard = self._ear(watch, agent)
            seen = watch.sing(Song(patience=self.longest(watch)), heard)
            if not self.sees(watch, seen, heard):
                raise InjectionUnprovenError(f"edge {watch.name}: a canary was {seen}, not {self.expected(watch)}")
            until_seen(
                lambda: bool(self._touched(watch, name)),
                self.patience,
                RECORDED,
                f"edge {watch.name}: a canary was {seen}, but the record does not show that {self.step.fault} did it",
            )
        finally:
            self._remove_twin(watch)
        return seen

    def _touched(self, watch: Watch, toxic: str) -> list[EdgeRequest]:
        requests = watch.proxy.requests(self._since[watch.name]).requests
        return [request for request in requests if toxic in request.touched_by and self.shows(request)]

    def _remove_twin(self, watch: Watch) -> None:
        try:
            watch.proxy.remove_toxic(self._twins[watch.name])
        except ProxyError as error:
            if error.status != NOT_FOUND:
                raise

    def _ear(self, watch: Watch, agent: str = "windtunnel-canary") -> Heard:
        assert isinstance(watch.dialect, Http)
        return Heard(Http(watch.dialect.path, watch.dialect.host, agent=agent))
