"""Discovery: the instances of a service, and what is known when nobody can say."""

from __future__ import annotations

import socket
import threading

import pytest
from scripted_peer import ManualClock

from resilience import Directory, Dns, Instance, SettingsError, StaticList

A, B = Instance("10.0.0.1", 80), Instance("10.0.0.2", 80)


class Registry:
    """Says what it is told to say: a list, or an error."""

    def __init__(self, says):
        self.says, self.asked = says, 0

    def instances(self):
        self.asked += 1
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@pytest.fixture
def clock():
    return ManualClock()


def directory(registry, clock, events=None, background=lambda work: work()):
    return Directory(registry, refresh=5, name="a->b", clock=clock, background=background, events=events)


def test_instances_come_and_go_with_the_provider(clock):
    """After the time that was set, and not before."""
    registry = Registry([B, A])
    known = directory(registry, clock)
    assert known.instances() == (A, B)
    registry.says = [B]
    clock.now += 4.9
    assert known.instances() == (A, B)
    clock.now += 0.1
    known.instances()

    assert known.instances() == (B,)
    assert registry.asked == 2


@pytest.mark.parametrize("silence", [OSError("gone"), []], ids=["error", "empty"])
def test_last_known_list_stays_while_the_provider_is_gone(clock, silence):
    """A registry that forgot everything must not take the services with it; afterwards it is heard again."""
    events = []
    registry = Registry([A])
    known = directory(registry, clock, events.append)
    known.instances()
    registry.says = silence
    for _ in range(10):
        clock.now += 5
        assert known.instances() == (A,)
    assert (known.failures, known.age()) == (10, 50)
    assert {(event.policy, event.kind) for event in events} == {("balancer", "provider_failed")}
    registry.says = [B]
    clock.now += 5
    known.instances()

    assert known.instances() == (B,)
    assert known.age() == 0


def test_unchanged_list_is_the_same_object(clock):
    """So that the balancer sees at a glance that nothing happened."""
    registry = Registry([A, B])
    known = directory(registry, clock)
    first = known.instances()
    registry.says = [B, A, A]
    clock.now += 5
    known.instances()

    assert known.instances() is first


def test_no_caller_waits_for_a_slow_provider(clock):
    """It is asked beside the calls, by one at a time."""
    pending = []
    registry = Registry([A])
    known = directory(registry, clock, background=pending.append)
    known.instances()
    registry.says = [B]
    clock.now += 5
    assert [known.instances() for _ in range(5)] == [(A,)] * 5
    assert len(pending) == 1
    pending.pop()()

    assert known.instances() == (B,)


def test_provider_that_never_said_anything_is_asked_again_but_not_by_everybody(clock):
    """Once a second; a crowd of callers would keep it down."""
    registry = Registry(OSError("gone"))
    known = directory(registry, clock)
    for _ in range(50):
        assert known.instances() == ()
    assert registry.asked == 1
    registry.says = [A]
    clock.now += 1

    assert known.instances() == (A,)


def test_eight_first_callers_ask_once(clock):
    """The others wait for it, since there is nothing else to go by."""
    registry = Registry([A])
    known, got, together = directory(registry, clock), [], threading.Barrier(8)

    def ask():
        together.wait()
        got.append(known.instances())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert got == [(A,)] * 8
    assert registry.asked == 1


def test_thread_that_cannot_be_started_leaves_the_next_caller_to_try(clock):
    """A machine out of threads."""

    def none_left(work):
        raise RuntimeError("can't start new thread")

    known = directory(Registry([A]), clock, background=none_left)
    known.instances()
    clock.now += 5
    with pytest.raises(RuntimeError):
        known.instances()
    clock.now += 5
    with pytest.raises(RuntimeError):
        known.instances()


def test_refresh_really_happens_in_another_thread(clock):
    """With the background that is the default."""
    seen = threading.Event()
    threads = []

    class Slow(Registry):
        def instances(self):
            threads.append(threading.current_thread())
            if len(threads) == 2:
                seen.set()
            return super().instances()

    known = Directory(Slow([A]), refresh=5, clock=clock)
    known.instances()
    clock.now += 5
    known.instances()

    assert seen.wait(20)
    assert threads[1] is not threads[0]
    threads[1].join(20)


def test_dns_gives_each_address_of_a_name_once(monkeypatch):
    """As a headless service's name has them."""

    def look_up(host, port, type):  # noqa: A002
        return [(2, type, 6, "", (address, port)) for address in ("10.0.0.2", "10.0.0.1", "10.0.0.2")]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    assert Directory(Dns("inventory.test", 80)).instances() == (A, B)


def test_name_without_address_is_a_failure_of_the_provider():
    """`.invalid` never resolves (RFC 6761)."""
    known = Directory(Dns("nobody.invalid", 80))

    assert known.instances() == ()
    assert known.failures == 1


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://10.0.0.1:8000", Instance("10.0.0.1", 8000)),
        ("http://10.0.0.1", Instance("10.0.0.1", 80)),
        ("https://peer/", Instance("peer", 443)),
        ("peer:81", Instance("peer", 81)),
        ("[::1]:81", Instance("::1", 81)),
    ],
)
def test_address_can_be_written_in_several_ways(address, expected):
    """As people write them."""
    assert [*StaticList(address).instances()] == [expected]


@pytest.mark.parametrize(
    "address", ["", "http://", "http://peer:99999", "http://peer:x", "ftp://peer", "http://peer/path"]
)
def test_address_that_is_none_is_refused(address):
    """With what would be right."""
    with pytest.raises(SettingsError, match="right is host:port"):
        StaticList(address)


def test_empty_list_is_refused():
    """Nobody wants that."""
    with pytest.raises(SettingsError, match="at least one"):
        StaticList()
