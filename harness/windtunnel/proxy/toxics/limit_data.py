"""limit_data: so many bytes pass, then the connection is closed."""

from __future__ import annotations

from dataclasses import dataclass

from windtunnel.proxy.toxics.base import Outlet, Toxic


@dataclass(frozen=True, kw_only=True)
class LimitDataSettings:
    bytes: int = 0
    """Bytes per connection and direction, counted from when the toxic came; 0 or less: closes at the first data."""


class LimitData(Toxic[LimitDataSettings]):
    """Passes exactly the limit and closes as soon as it is reached, even when nothing more is waiting."""

    Settings = LimitDataSettings

    def __init__(self, settings: LimitDataSettings, outlet: Outlet) -> None:
        super().__init__(settings, outlet)
        self._passed = 0

    def data(self, chunk: bytes) -> None:
        passing = chunk[: max(self.settings.bytes - self._passed, 0)]
        self._passed += len(passing)
        if passing:
            self.outlet.send(passing)
        self._close_when_reached()

    def update(self, settings: LimitDataSettings) -> None:
        super().update(settings)
        if self._passed:
            self._close_when_reached()

    def _close_when_reached(self) -> None:
        if self._passed >= self.settings.bytes:
            self.outlet.touch()
            self.outlet.end(close=True)
