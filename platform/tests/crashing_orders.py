"""The real orders service, which kills itself (SIGKILL, all of its processes) at a chosen point of one order.

CRASH_ID is the request id of that order, which travels with everything that is done for it; CRASH_AT is the number of
the point. The points: before and after each call of another service, before and after each commit.
"""

import contextlib
import itertools
import os
import signal

from resilience import trace
from storefront.orders.settings import Settings
from storefront.shared.database import Database
from storefront.shared.peers import Peer
from storefront.shared.serving import serve

_points = itertools.count()


def point() -> None:
    if trace.request_id.get() == os.environ["CRASH_ID"] and next(_points) == int(os.environ["CRASH_AT"]):
        os.killpg(os.getpgrp(), signal.SIGKILL)


_send, _write = Peer.send, Database.write


def send(self, *args, **fields):
    point()
    answer = _send(self, *args, **fields)
    point()
    return answer


@contextlib.contextmanager
def write(self):
    with _write(self) as connection:
        yield connection
        point()
    point()


Peer.send, Database.write = send, write  # type: ignore[method-assign]

if __name__ == "__main__":
    serve("storefront.orders.app", Settings)
