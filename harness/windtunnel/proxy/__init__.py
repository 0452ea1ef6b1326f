"""An embedded server that speaks Toxiproxy's API: faults on TCP connections, in a thread of this process.

with EmbeddedToxiproxy(seed=7) as server:
    client = ToxiproxyClient(server.url)

server.py ─ life cycle        http.py ─ control-plane HTTP        api.py ─ routes
fields.py ─ what a request says, decoding.py ─ how it is read     config.py ─ the same from a file
collection.py ─ the proxies   proxy.py ─ one listener             connection.py ─ two sockets
gate.py ─ before the dial     link.py ─ one direction             toxics/ ─ what can go wrong
record.py ─ what passed       history.py ─ each connection        metrics.py ─ for Prometheus
"""

from windtunnel.proxy.api import VERSION
from windtunnel.proxy.server import EmbeddedToxiproxy

__all__ = ["VERSION", "EmbeddedToxiproxy"]
