"""down: nothing listens where the callee should be; connections are refused."""

from __future__ import annotations

from windtunnel.edge_records import EdgeRecord
from windtunnel.errors import InjectionUnprovenError
from windtunnel.faults.base import UndoRecord
from windtunnel.faults.canary import Song
from windtunnel.faults.edge import EdgeFault
from windtunnel.faults.patience import Patience
from windtunnel.faults.watch import Watch
from windtunnel.spec.model import FaultStep
from windtunnel.spec.shape import FaultShape


class Down(EdgeFault):
    """Disables the proxy: open connections end, new ones are refused.

    Refused attempts cannot be counted on our side; what shows it is that the edge carried traffic before, that a canary
    is refused, and that nothing is forwarded.
    """

    shape = FaultShape(on="edge", toxic=False)

    def __init__(self, step: FaultStep, *, patience: Patience | None = None) -> None:
        super().__init__(step, patience=patience)
        self._silent: dict[str, tuple[int, int, int]] = {}

    def records(self, watch: Watch) -> tuple[UndoRecord, ...]:
        watch.proxy.permit("disable")
        if not watch.proxy.state().enabled:
            raise InjectionUnprovenError(f"edge {watch.name}: its proxy is disabled already")
        return (UndoRecord(op="proxy_enable", data={"api": watch.proxy.client.url, "proxy": watch.proxy.name}),)

    def inject(self, watch: Watch) -> None:
        watch.proxy.disable()
        # What was under way when the proxy was told may still have been forwarded.
        self._silent[watch.name] = _passed(watch.proxy.record())

    def show(self, watch: Watch) -> str:
        if watch.proxy.state().enabled:
            raise InjectionUnprovenError(f"edge {watch.name}: the proxy was disabled, but says that it is enabled")
        seen = watch.sing(Song(exchanges=watch.dialect.exchanges, patience=watch.window))
        if seen.outcome != "refused":
            raise InjectionUnprovenError(f"edge {watch.name}: a canary was {seen}, not refused")
        self._require_silence(watch)
        before = f"it had carried {watch.carried()} bytes before; " if self.traffic != "none" else ""
        silence = "; nothing was forwarded" if watch.proxy.evidence != "nothing" else ""
        return f"edge {watch.name}: {before}disabled read back; a canary was {seen}{silence}"

    def show_on_load(self, watch: Watch, timeout: float) -> str:
        self._require_silence(watch)
        return f"edge {watch.name}: carried traffic before the fault, and nothing was forwarded during it"

    def lift(self, watch: Watch) -> None:
        watch.proxy.enable()

    def trace(self, watch: Watch) -> str | None:
        return None if watch.proxy.state().enabled else "the proxy is still disabled"

    def _require_silence(self, watch: Watch) -> None:
        if _passed(watch.proxy.record()) != self._silent.get(watch.name):
            raise InjectionUnprovenError(f"edge {watch.name}: although disabled, the proxy forwarded something")


def _passed(record: EdgeRecord) -> tuple[int, int, int]:
    return record.forwarded, record.bytes_up, record.bytes_down
