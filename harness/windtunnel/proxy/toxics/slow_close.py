"""slow_close: data passes, the end of the stream comes late."""

from __future__ import annotations

from dataclasses import dataclass

from windtunnel.proxy.toxics.base import Delaying


@dataclass(frozen=True, kw_only=True)
class SlowCloseSettings:
    delay: int = 0
    """Milliseconds from when the source closed."""


class SlowClose(Delaying[SlowCloseSettings, float]):
    """Delays the close in its direction only. The note is when the close came."""

    Settings = SlowCloseSettings

    def eof(self) -> None:
        self.hold(None, self.outlet.clock())

    def due(self, chunk: bytes | None, note: float) -> float:
        return note + self.settings.delay / 1000
