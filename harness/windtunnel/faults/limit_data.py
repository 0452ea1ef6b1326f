"""limit_data: so many bytes pass on each connection, then it is closed, in the middle of an answer."""

from __future__ import annotations

import math

from windtunnel.errors import InjectionUnprovenError
from windtunnel.faults.canary import Sighting, Song
from windtunnel.faults.toxic import ToxicFault
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape

MOST_SECONDS = 5.0


class LimitData(ToxicFault):
    """Exactly `bytes` pass. The canary asks again and again on one connection until it is cut."""

    shape = FaultShape(on="edge", params={"bytes": "bytes"}, required=frozenset({"bytes"}))
    type = "limit_data"
    _exchanges = 1

    def listen(self, watch: Watch) -> None:
        self._exchanges = watch.dialect.exchanges
        super().listen(watch)
        if self._passing(watch.healthy[0]) > self.param("bytes"):
            return
        watch.prefer_long_answers()
        super().listen(watch)
        per_exchange = self._passing(watch.healthy[0]) / self._exchanges
        self._exchanges = math.ceil((self.param("bytes") + 1) / per_exchange) + 1
        if self._exchanges * watch.typical > MOST_SECONDS:
            raise self._out_of_reach(watch)
        try:
            super().listen(watch)
        except InjectionUnprovenError as error:
            raise self._out_of_reach(watch) from error

    def song(self, watch: Watch) -> Song:
        return Song(exchanges=self._exchanges, patience=2 * MOST_SECONDS)

    def probe(self, watch: Watch) -> Song:
        return self.song(watch)

    def met(self, watch: Watch, seen: Sighting) -> bool:
        cut = seen.outcome in ("ended", "reset") and seen.answers < self._exchanges
        return cut and (self._upstream or seen.received == self.param("bytes"))

    def expected(self, watch: Watch) -> str:
        return f"cut off after {self.param('bytes')} bytes {'sent' if self._upstream else 'received'}"

    @property
    def _upstream(self) -> bool:
        return self.kinds()[0][1] == "upstream"

    def _passing(self, seen: Sighting) -> int:
        return seen.sent if self._upstream else seen.received

    def _out_of_reach(self, watch: Watch) -> InjectionUnprovenError:
        return InjectionUnprovenError(
            f"edge {watch.name}: a limit of {self.param('bytes')} bytes is never reached on one connection by a "
            f"canary, whose exchange passes {self._passing(watch.healthy[0])}; write a lower limit"
        )
