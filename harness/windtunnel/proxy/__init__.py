"""An embedded server that speaks Toxiproxy's API: faults on TCP connections, in a thread of this process.

with EmbeddedToxiproxy(seed=7) as server:
    client = ToxiproxyClient(server.url)

server.py ─ life cycle        http.py ─ control-plane HTTP        api.py ─ routes
collection.py ─ the proxies   proxy.py ─ one listener             connection.py ─ two sockets
link.py ─ one direction       toxics/ ─ what can go wrong on it   record.py ─ what passed
"""

from windtunnel.proxy.api import VERSION
from windtunnel.proxy.server import EmbeddedToxiproxy

__all__ = ["VERSION", "EmbeddedToxiproxy"]
