"""witness: passes everything, and says on which links something passed. Our own; Toxiproxy has no such type.

Where our server only records in front of another one, which does the harm, a witness in it has the name of the other's
toxic and is there as long: `touched` then tells on how many connections somebody met that toxic.
"""

from __future__ import annotations

from windtunnel.proxy.toxics.base import NoSettings, Toxic


class Witness(Toxic[NoSettings]):
    """Touches a link as soon as data comes; an end alone is no use of the connection."""

    def data(self, chunk: bytes) -> None:
        self.outlet.touch()
        self.outlet.send(chunk)
