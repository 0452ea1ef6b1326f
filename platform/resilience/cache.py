"""The cache: the last good answer while it is fresh, and for a while longer when the peer is down (RFC 5861).

When many callers want the same answer that is not there, one of them asks and the others wait for it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from resilience.count import Count
from resilience.deadline import time_left
from resilience.errors import DeadlineExceededError, require_range, require_whole
from resilience.events import Announcer, Listener
from resilience.fallback import failure_in_words
from resilience.freshness import freshness, may_be_asked_of_a_cache
from resilience.policy import Policy, in_memory, mark_degraded

_DOWN = frozenset({500, 502, 503, 504})
_GONE = (404, 410)
_OUR_OWN_FAULT = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


@dataclass(frozen=True, kw_only=True)
class CacheSettings:
    """How much is kept, and for how long where an answer does not say (`Cache-Control`). Raises SettingsError."""

    entries: int = 1000
    """Answers; the one that was not used for the longest time leaves first; 1 to 1000000."""
    largest: int = 65536
    """Bytes; a longer body is not kept; 1 to 2^30."""
    fresh_for: float = 0.0
    """Seconds in which an answer without `max-age` is used instead of asking; 0 to 86400."""
    stale_for: float = 300.0
    """Seconds, after that, in which an answer without `stale-if-error` is used when asking fails; 0 to 86400."""

    def __post_init__(self) -> None:
        require_whole("cache.entries", self.entries, 1, 1_000_000)
        require_whole("cache.largest", self.largest, 1, 2**30)
        require_range("cache.fresh_for", self.fresh_for, 0, 86400)
        require_range("cache.stale_for", self.stale_for, 0, 86400)


@dataclass(frozen=True)
class _Entry:
    """An answer that is kept; times are those of the cache's clock."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    varies: tuple[tuple[str, str | None], ...]
    made: float
    fresh_until: float
    stale_until: float

    def fits(self, request: httpx.Request) -> bool:
        """Whether the request has the same values in the headers by which the answer varies."""
        return all(request.headers.get(name) == value for name, value in self.varies)

    def response(self, now: float) -> httpx.Response:
        age = (b"Age", str(int(now - self.made)).encode())
        return httpx.Response(self.status, headers=[*self.headers, age], stream=httpx.ByteStream(self.body))


class _Flight:
    """One caller is asking; the others wait for what it brings."""

    def __init__(self) -> None:
        self.landed = threading.Event()
        self.entry: _Entry | None = None
        self.stale = False


class Cache(Policy):
    """Keeps good answers to GET. A stale one is marked: `degraded(response)` says "stale". Raises what is below.

    A write to a URL that succeeded drops what is kept of it (RFC 9111, 4.4). Waiting for another caller's answer ends
    after `patience` seconds, or at the end of a `deadline_scope`, in DeadlineExceededError.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        settings: CacheSettings,
        *,
        patience: float | None = None,
        name: str = "call",
        clock: Callable[[], float] = time.monotonic,
        events: Listener | None = None,
    ) -> None:
        super().__init__(inner)
        self._settings, self._patience, self._name, self._clock = settings, patience, name, clock
        self._announce = Announcer(name, "cache", events)
        self._kept: OrderedDict[str, _Entry] = OrderedDict()
        self._flights: dict[str, _Flight] = {}
        self._lock = threading.Lock()
        self._counts = {kind: Count() for kind in ("hits", "misses", "stale", "shared")}

    def counts(self) -> dict[str, int]:
        """So far: `hits`, `misses` (asked the peer), `stale` (used because it was down), `shared` (another's)."""
        return {kind: count.value for kind, count in self._counts.items()}

    @property
    def entries(self) -> int:
        """Answers kept now."""
        return len(self._kept)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        if not may_be_asked_of_a_cache(request):
            return self._passed_on(url, request)
        kept = self._find(url, request)
        if kept is not None and self._clock() < kept.fresh_until:
            return self._from(kept, "hits")
        flight, first = self._board(url)
        if first:
            try:
                return self._asked(url, request, kept, flight)
            finally:
                self._land(url, flight)
        return self._shared(url, request, kept, flight)

    def _passed_on(self, url: str, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        if request.method not in ("GET", "HEAD", "OPTIONS", "TRACE") and response.status_code < 400:
            with self._lock:
                self._kept.pop(url, None)
        return response

    def _asked(self, url: str, request: httpx.Request, kept: _Entry | None, flight: _Flight) -> httpx.Response:
        """The peer's answer, or the kept one in its place."""
        self._counts["misses"].add()
        failure: httpx.Response | httpx.TransportError
        try:
            failure = response = in_memory(self._inner.handle_request(request))
            if response.status_code not in _DOWN:
                flight.entry = self._keep(url, request, response)
                return response
        except _OUR_OWN_FAULT:
            raise
        except httpx.TransportError as exc:
            failure = exc
        if kept is not None and self._clock() < kept.stale_until:
            flight.entry, flight.stale = kept, True
            return self._stale(kept, failure_in_words(failure))
        if isinstance(failure, httpx.Response):
            return failure
        raise failure

    def _shared(self, url: str, request: httpx.Request, kept: _Entry | None, flight: _Flight) -> httpx.Response:
        """What the one who asks brings; where that cannot be shared, an answer of its own."""
        limits = [limit for limit in (self._patience, time_left()) if limit is not None]
        if not flight.landed.wait(min(limits, default=None)):
            if kept is not None and self._clock() < kept.stale_until:
                return self._stale(kept, "waited too long for another caller's answer")
            raise DeadlineExceededError(f"{self._name}: waited too long for another caller's answer")
        entry = flight.entry
        if entry is None or not entry.fits(request):
            return self._asked(url, request, kept, _Flight())
        if flight.stale:
            return self._stale(entry, "another caller asked in vain")
        return self._from(entry, "shared")

    def _from(self, entry: _Entry, how: str) -> httpx.Response:
        self._counts[how].add()
        return entry.response(self._clock())

    def _stale(self, entry: _Entry, why: str) -> httpx.Response:
        self._announce("stale", why)
        return mark_degraded(self._from(entry, "stale"), "stale")

    def _find(self, url: str, request: httpx.Request) -> _Entry | None:
        with self._lock:
            entry = self._kept.get(url)
            if entry is None or not entry.fits(request):
                return None
            self._kept.move_to_end(url)
            return entry

    def _keep(self, url: str, request: httpx.Request, response: httpx.Response) -> _Entry | None:
        rule = self._settings
        length = freshness(response, fresh_for=rule.fresh_for, stale_for=rule.stale_for)
        body = b"".join(response.stream) if isinstance(response.stream, httpx.ByteStream) else b""
        if length is None or len(body) > rule.largest:
            if response.status_code < 400 or response.status_code in _GONE:
                with self._lock:
                    self._kept.pop(url, None)
            return None
        now = self._clock()
        varies = [name.strip() for name in response.headers.get("Vary", "").split(",") if name.strip()]
        entry = _Entry(
            response.status_code,
            [(name, value) for name, value in response.headers.raw if name.lower() != b"age"],
            body,
            tuple((name, request.headers.get(name)) for name in varies),
            made=now - length.age,
            fresh_until=now + length.fresh_for,
            stale_until=now + length.fresh_for + length.stale_for,
        )
        with self._lock:
            self._kept[url] = entry
            self._kept.move_to_end(url)
            if len(self._kept) > rule.entries:
                self._kept.popitem(last=False)
        return entry

    def _board(self, url: str) -> tuple[_Flight, bool]:
        """The flight for this URL, and whether the caller is the one who flies."""
        with self._lock:
            flight = self._flights.get(url)
            if flight is not None:
                return flight, False
            flight = self._flights[url] = _Flight()
            return flight, True

    def _land(self, url: str, flight: _Flight) -> None:
        with self._lock:
            del self._flights[url]
        flight.landed.set()
