"""Toxics that end by themselves: `duration` beside `toxicity`, in milliseconds."""

import httpx
import pytest
from proxy_wires import ask, connect, eventually, proxied

from windtunnel.proxy.fields import toxic_fields
from windtunnel.proxy.proxy import Proxy
from windtunnel.proxy.setting import Setting


class Loop:
    """Timers that ring when the test says so."""

    def __init__(self):
        self.now, self.timers = 0.0, []

    def call_later(self, delay, act):
        timer = Timer(self.now + delay, act)
        self.timers.append(timer)
        return timer

    def advance(self, seconds):
        self.now += seconds
        for timer in [each for each in self.timers if each.due <= self.now]:
            self.timers.remove(timer)
            if not timer.cancelled:
                timer.act()


class Timer:
    def __init__(self, due, act):
        self.due, self.act, self.cancelled = due, act, False

    def cancel(self):
        self.cancelled = True


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def proxy(loop):
    """A proxy that never listens."""
    return Proxy(
        name="p", listen="", upstream="u:1", setting=Setting(loop=loop, clock=lambda: loop.now, seed=1, dial_timeout=1)
    )


def add(proxy, **fields):
    return proxy.add_toxic(toxic_fields({"type": "noop", **fields}, proxy.refuse_taken))


def test_toxic_is_there_until_its_time_is_up(proxy, loop):
    """And gone then, name and all."""
    add(proxy, duration=500)
    loop.advance(0.4)
    before = list(proxy.toxics)
    loop.advance(0.2)

    assert (before, list(proxy.toxics)) == (["noop_downstream"], [])
    assert add(proxy).name == "noop_downstream"


def test_toxic_without_duration_stays(proxy, loop):
    """0 is none."""
    add(proxy, duration=0)
    loop.advance(10**9)

    assert list(proxy.toxics) == ["noop_downstream"]


def test_removal_before_its_time_ends_the_timer(proxy, loop):
    """A new toxic of that name lives its own time."""
    add(proxy, duration=500)
    loop.advance(0.4)
    proxy.remove_toxic("noop_downstream")
    add(proxy, duration=500)
    loop.advance(0.4)

    assert list(proxy.toxics) == ["noop_downstream"]
    loop.advance(0.2)
    assert list(proxy.toxics) == []


def test_update_counts_from_its_own_moment(proxy, loop):
    """Longer, and endless; an update that does not name it changes nothing of it."""
    toxic = add(proxy, duration=500)
    loop.advance(0.4)
    proxy.update_toxic(toxic, toxicity=1, settings=toxic.settings, duration=500)
    proxy.update_toxic(toxic, toxicity=1, settings=toxic.settings)
    loop.advance(0.4)
    longer = list(proxy.toxics)
    proxy.update_toxic(toxic, toxicity=1, settings=toxic.settings, duration=0)
    loop.advance(10)

    assert longer == list(proxy.toxics) == ["noop_downstream"]


def test_proxy_that_is_gone_leaves_no_timer(proxy, loop):
    """Nothing rings for it."""
    add(proxy, duration=500)
    proxy.retire()

    assert [timer for timer in loop.timers if not timer.cancelled] == []


def test_duration_longer_than_a_timer_can_hold_is_taken(proxy, loop):
    """292 million years."""
    add(proxy, duration=2**63 - 1)
    loop.advance(10**8)

    assert list(proxy.toxics) == ["noop_downstream"]


def test_api_shows_the_duration_only_where_there_is_one():
    """So that Toxiproxy's clients see nothing that they do not know; an update sets and clears it."""
    with proxied() as (edge, _, server), httpx.Client(base_url=server.url, trust_env=False) as api:
        plain = api.post("/proxies/edge/toxics", json={"type": "noop", "name": "a"}).json()
        timed = api.post("/proxies/edge/toxics", json={"type": "noop", "name": "b", "duration": 60_000}).json()
        kept = api.patch("/proxies/edge/toxics/b", json={"toxicity": 0.5}).json()
        cleared = api.patch("/proxies/edge/toxics/b", json={"duration": None}).json()
        refused = api.patch("/proxies/edge/toxics/b", json={"toxicity": 0.1, "duration": 1.5})

        assert ("duration" in plain, timed["duration"], kept["duration"]) == (False, 60_000, 60_000)
        assert "duration" not in cleared
        assert refused.json()["error"] == "bad request body: duration: got a fraction, want an integer"
        assert edge.state().toxics[1].toxicity == 0.5


def test_end_is_felt_on_open_connections():
    """What it held goes on, as if it had been removed by hand."""
    with proxied() as (edge, _, _), connect(edge) as client:
        edge.add_toxic("latency", name="hour", duration_ms=100, attributes={"latency": 3_600_000})

        assert ask(client) == b"ping"
        assert edge.record().touched == {"hour": 1}
        assert eventually(lambda: edge.state().toxics == ())
