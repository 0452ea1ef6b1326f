"""http_delay: the requests it is meant for come late, and no others."""

import time

import pytest
from http_talk import Talk
from http_wires import call, caller, ended, shop
from proxy_wires import eventually, seconds

DELAY = 120


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_only_the_requests_it_is_meant_for_are_delayed(stream):
    """On the way there, or on the way back; on an open connection."""
    with shop() as (edge, server), caller(edge) as client:
        call(client)
        edge.add_toxic("http_delay", name="t", stream=stream, attributes={"delay": DELAY, "match": {"path": "/slow"}})
        for path in ("/fast", "/slow", "/fast"):
            assert call(client, path=path)[0] == 200
        requests = ended(edge, 4)[1:]
        touched = edge.record().touched

    assert [each.seconds >= DELAY / 1000 for each in requests] == [False, True, False]
    assert [each.touched_by for each in requests] == [(), ("t",), ()]
    assert touched == {"t": 1}
    assert len(server.seen) == 4


def test_removing_it_lets_the_held_answer_go():
    """At once, and unchanged."""
    with shop() as (edge, _), caller(edge) as client:
        edge.add_toxic("http_delay", name="t", attributes={"delay": 3_600_000})
        client.request("GET", "/chunked")
        assert eventually(lambda: edge.record().touched["t"])
        edge.remove_toxic("t")
        answer, took = seconds(client.getresponse)

    assert answer.status == 200
    assert took < 60


def test_jitter_is_drawn_from_the_seed_for_each_request():
    """The same delays in the same order, within the bounds; other requests between them change nothing."""
    delays = []
    for between in (0, 1):
        talk = Talk()
        toxic = talk.install("http_delay", stream="upstream", delay=100, jitter=50, match={"path": "/a"})
        held = talk.up._stages[0].toxic
        held._alarm.set = delays.append
        for _ in range(20):
            talk.say([b"GET /b HTTP/1.1\r\n\r\n" * between + b"GET /a HTTP/1.1\r\n\r\n"])
            held.remove()
        assert toxic.touched.count == 20

    assert delays[:20] == delays[20:]
    assert all(1.05 <= due <= 1.15 for due in delays)
    assert len(set(delays)) == 20


def test_a_delay_of_nothing_touches_nothing():
    """As with latency."""
    with shop() as (edge, _), caller(edge) as client:
        edge.add_toxic("http_delay", name="t")
        call(client)
        start = time.monotonic()

        assert edge.record().touched == {"t": 0}
        assert time.monotonic() >= start
