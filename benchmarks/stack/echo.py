"""The least that counts as a service: every request is answered with itself. A container gets it as text."""

import os
import socket

server = socket.create_server((os.environ["HOST"], int(os.environ["PORT"])), backlog=64)
while True:
    peer, _ = server.accept()
    with peer:
        peer.settimeout(5)
        try:
            said = peer.recv(65536)
            peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
        except OSError:
            pass  # a caller that has gone
