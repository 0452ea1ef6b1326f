"""Scenes on the data path, played word for word with Toxiproxy and with the embedded server.

A scene is a function of an edge (before an echo server, unless it says otherwise) that returns what was seen.
"""

import socket
import struct
import time
from contextlib import suppress

from proxy_wires import ask, connect, echo, read_all, read_exactly

BLOB = bytes(range(256)) * 400


def ending(sock):
    """What comes until the end, and how that looks."""
    parts = []
    try:
        while data := sock.recv(65536):
            parts.append(data)
    except ConnectionResetError:
        return b"".join(parts), "reset"
    return b"".join(parts), "end"


def says(edge, data=b"ping"):
    """What a new connection gets that says this and half-closes nothing."""
    with connect(edge) as client:
        client.sendall(data)
        return client.recv(len(data))


# Scenes whose answers are the same ------------------------------------------------------------------------------------


def bytes_pass_unchanged(edge):
    with connect(edge) as client:
        client.sendall(BLOB)
        return read_exactly(client, len(BLOB)) == BLOB


def bytes_pass_two_toxics_of_each_stream(edge):
    for stream in ("upstream", "downstream"):
        edge.add_toxic("noop", name=f"n {stream}", stream=stream)
        edge.add_toxic("slicer", name=f"s {stream}", stream=stream, attributes={"average_size": 500})
    return bytes_pass_unchanged(edge)


def latency_is_never_early(edge):
    edge.add_toxic("latency", attributes={"latency": 80})
    start = time.monotonic()
    return says(edge), time.monotonic() - start >= 0.079


def latency_of_two_toxics_adds_up(edge):
    edge.add_toxic("latency", name="a", attributes={"latency": 50})
    edge.add_toxic("latency", name="b", attributes={"latency": 50})
    start = time.monotonic()
    return says(edge), time.monotonic() - start >= 0.099


def latency_below_zero_is_none(edge):
    edge.add_toxic("latency", attributes={"latency": -3_600_000})
    return says(edge)


def removed_latency_lets_go(edge):
    with connect(edge) as client:
        ask(client)
        edge.add_toxic("latency", name="hour", attributes={"latency": 3_600_000})
        client.sendall(b"held")
        time.sleep(0.05)
        edge.remove_toxic("hour")
        return client.recv(10)


def bandwidth_limits(edge):
    edge.add_toxic("bandwidth", attributes={"rate": 100})
    with connect(edge) as client:
        start = time.monotonic()
        client.sendall(bytes(20_000))
        return len(read_exactly(client, 20_000)), time.monotonic() - start >= 0.19


def bandwidth_of_nothing_passes_nothing(edge):
    edge.add_toxic("bandwidth", name="dry")
    with connect(edge) as client:
        client.sendall(b"ping")
        client.settimeout(0.15)
        try:
            first = client.recv(10)
        except TimeoutError:
            first = "nothing"
        client.settimeout(10)
        edge.remove_toxic("dry")
        return first, client.recv(10)


def limit_passes_exactly_so_much(edge):
    edge.add_toxic("limit_data", attributes={"bytes": 100})
    with connect(edge) as client:
        client.sendall(bytes(60))
        first = len(read_exactly(client, 60))
        client.sendall(bytes(60))
        found, how = ending(client)
        return first, len(found), how


def limit_reached_exactly(edge):
    edge.add_toxic("limit_data", attributes={"bytes": 4})
    with connect(edge) as client:
        client.sendall(b"1234")
        return ending(client)


def limit_of_nothing_closes_at_the_first_data(edge):
    edge.add_toxic("limit_data")
    with connect(edge) as client:
        client.sendall(b"1234")
        return ending(client)


def timeout_closes_an_idle_connection(edge):
    edge.add_toxic("timeout", attributes={"timeout": 60})
    with connect(edge) as client:
        start = time.monotonic()
        return ending(client), time.monotonic() - start >= 0.05


def removed_timeout_closes_what_it_held(edge):
    edge.add_toxic("timeout", name="hole")
    with connect(edge) as client:
        client.sendall(b"lost")
        time.sleep(0.05)
        edge.remove_toxic("hole")
        return ending(client)


def reset_hits_a_new_connection(edge):
    edge.add_toxic("reset_peer")
    with connect(edge) as client:
        client.sendall(b"ping")
        return ending(client)


def reset_waits_for_data(edge):
    edge.add_toxic("reset_peer", stream="downstream")
    with connect(edge) as client:
        client.settimeout(0.15)
        try:
            return client.recv(1)
        except TimeoutError:
            return "nothing happened"


def toxicity_of_nothing_spares_everybody(edge):
    edge.add_toxic("limit_data", toxicity=0.0)
    return [says(edge) for _ in range(5)]


def disabled_proxy_ends_connections_and_refuses(edge):
    with connect(edge) as client:
        ask(client)
        address = edge.listen
        edge.disable()
        seen = ending(client)
    with socket.socket() as probe:
        refused = probe.connect_ex(address) != 0
    edge.enable()
    return seen, refused, says(edge)


def deleted_proxy_ends_connections(edge):
    with connect(edge) as client:
        ask(client)
        edge.client.delete(edge.name)
        return ending(client)


def another_upstream_ends_connections(edge):
    with connect(edge) as client:
        ask(client)
        edge.client.update(edge.name, upstream="127.0.0.1:1")
        return ending(client)


def unreachable_upstream_ends_the_connection(edge):
    edge.client.update(edge.name, upstream="127.0.0.1:1")
    with connect(edge) as client:
        return ending(client)


SAME = (
    bytes_pass_unchanged,
    bytes_pass_two_toxics_of_each_stream,
    latency_is_never_early,
    latency_of_two_toxics_adds_up,
    latency_below_zero_is_none,
    removed_latency_lets_go,
    bandwidth_limits,
    bandwidth_of_nothing_passes_nothing,
    limit_passes_exactly_so_much,
    limit_reached_exactly,
    limit_of_nothing_closes_at_the_first_data,
    timeout_closes_an_idle_connection,
    removed_timeout_closes_what_it_held,
    reset_hits_a_new_connection,
    reset_waits_for_data,
    toxicity_of_nothing_spares_everybody,
    disabled_proxy_ends_connections_and_refuses,
    deleted_proxy_ends_connections,
    another_upstream_ends_connections,
    unreachable_upstream_ends_the_connection,
)

# Scenes that the two play differently ------------------------------------------------------------------------------


def answers_at_the_end(sock):
    sock.sendall(b"got %d" % len(read_all(sock)))


def half_close(edge):
    with connect(edge) as client:
        client.sendall(b"12345")
        client.shutdown(socket.SHUT_WR)
        return ending(client)[0]


def cuts(sock):
    sock.recv(10)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def upstream_resets(edge):
    with connect(edge) as client:
        client.sendall(b"x")
        return ending(client)


def reset_of_a_live_connection(edge):
    with connect(edge) as client:
        ask(client)
        edge.add_toxic("reset_peer")
        client.sendall(b"ping")
        return ending(client)


def says_goodbye(sock):
    sock.sendall(b"bye")
    sock.recv(1)


def end_of_a_spared_connection(edge):
    """The client closes; the upstream sees how."""
    edge.add_toxic("reset_peer", stream="upstream", toxicity=0.0)
    with connect(edge) as client:
        ask(client)
        edge.disable()
        return ending(client)


def pours_slowly(sock):
    for _ in range(40):
        sock.sendall(b".")
        time.sleep(0.02)


def timeout_under_traffic(edge):
    """Data comes every 20 ms for 0.8 s; the time is 150 ms. Whether the end comes before that of the data."""
    edge.add_toxic("timeout", attributes={"timeout": 150})
    start = time.monotonic()
    with connect(edge) as client:
        ending(client)
    return "in its time" if time.monotonic() - start < 0.7 else "with the data"


DIFFERENT = {
    # scene: (behaviour of the upstream, what Toxiproxy shows, what ours shows)
    half_close: (answers_at_the_end, b"", b"got 5"),
    upstream_resets: (cuts, (b"", "end"), (b"", "reset")),
    reset_of_a_live_connection: (echo, (b"", "end"), (b"", "reset")),
    end_of_a_spared_connection: (echo, (b"", "reset"), (b"", "end")),
    timeout_under_traffic: (pours_slowly, "with the data", "in its time"),
}

KILLERS = {
    # The smallest toxics that end Toxiproxy's process as soon as data comes.
    "slicer with more variation than size": ("slicer", {"average_size": 1, "size_variation": 5}),
    "bandwidth below zero": ("bandwidth", {"rate": -1}),
    "latency with a huge jitter": ("latency", {"jitter": 2**62}),
}


def toxics_that_end_the_server(edge, toxic):
    kind, attributes = KILLERS[toxic]
    edge.add_toxic(kind, attributes=attributes)
    with connect(edge) as client:
        client.sendall(b"x" * 2000)
        client.settimeout(0.3)
        # To the end: a client that leaves early would spare Toxiproxy the piece that it dies of.
        with suppress(OSError):
            ending(client)
