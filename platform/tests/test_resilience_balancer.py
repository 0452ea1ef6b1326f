"""The balancer: who gets a call, who is left out, and who comes back."""

from __future__ import annotations

import random
import threading
from collections import Counter

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scripted_peer import ManualClock, ScriptedServer, refused_url, says

from resilience import (
    BalancerSettings,
    BreakerOpenError,
    BreakerSettings,
    EdgePolicy,
    EjectionSettings,
    Instance,
    NoInstanceError,
    RetrySettings,
    SettingsError,
    State,
    StaticList,
    client,
    instance_of,
    protect,
)

A, B, C, D = (Instance(f"10.0.0.{n}", 80) for n in range(1, 5))


class Fleet(httpx.BaseTransport):
    """Instances without a network. Those in `broken` answer 503; `hits` is the order of calls; drains are noted."""

    def __init__(self, *broken):
        self.broken, self.hits, self.drained = set(broken), [], []
        self.hold = {}

    def handle_request(self, request):
        instance = instance_of(request)
        self.hits.append(instance)
        if instance in self.hold:
            self.hold[instance](request)
        return httpx.Response(503 if instance in self.broken else 200)

    def drain(self, instance):
        self.drained.append(instance)


class Ticking(ManualClock):
    """Time passes by itself: a loop that waits for an ejection's end does come to its own."""

    def __call__(self):
        self.now += 0.001
        return self.now


class Registry:
    def __init__(self, *instances):
        self.says = list(instances)

    def instances(self):
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@pytest.fixture
def clock():
    return ManualClock()


def request(method="GET"):
    return httpx.Request(method, "http://inventory/")


def balanced(fleet, clock, *instances, registry=None, seed=1, events=None, **policy):
    """An edge with a balancer, and without what the test does not name."""
    rule = {"deadline": None, "retry": None, "breaker": None, "balancer": BalancerSettings(), **policy}
    edge = protect(
        fleet,
        EdgePolicy(**rule),
        name="a->b",
        provider=registry or Registry(*instances),
        clock=clock,
        sleep=clock.sleep,
        rng=random.Random(seed),
        events=events,
    )
    if edge.balancer:
        edge.balancer.directory._background = lambda work: work()
    return edge


def calls(edge, n):
    return [edge.handle_request(request()).status_code for _ in range(n)]


def ejecting(failures=3, **values):
    return BalancerSettings(strategy="round_robin", ejection=EjectionSettings(failures=failures, **values))


def test_round_robin_gives_everybody_the_same(clock):
    """One after the other."""
    fleet = Fleet()
    calls(balanced(fleet, clock, A, B, C, balancer=BalancerSettings(strategy="round_robin")), 30)

    assert Counter(fleet.hits) == {A: 10, B: 10, C: 10}
    assert fleet.hits[:3] == fleet.hits[3:6]


def test_least_loaded_avoids_the_one_that_is_busy(clock):
    """Of two drawn at random it takes the one with fewer calls under way: with two instances, always the free one."""
    fleet, inside, go = Fleet(), threading.Event(), threading.Event()
    fleet.hold[A] = lambda _: (inside.set(), go.wait(60))
    edge = balanced(fleet, clock, A, B)
    thread = threading.Thread(target=lambda: [edge.handle_request(request()) for _ in range(9) if not inside.is_set()])
    thread.start()
    assert inside.wait(20)
    before = len(fleet.hits)
    calls(edge, 20)
    go.set()
    thread.join(20)

    assert Counter(fleet.hits[before:]) == {B: 20}
    assert [member.in_flight for member in edge.balancer.members()] == [0, 0]


def test_idle_instances_share_alike(clock):
    """Nobody is preferred when nobody is busy."""
    fleet = Fleet()
    calls(balanced(fleet, clock, A, B, C), 600)

    assert all(150 < hits < 250 for hits in Counter(fleet.hits).values())


def test_second_attempt_goes_to_another_instance(clock):
    """One of two is down: every call succeeds, and none asks the same one twice."""
    fleet = Fleet(A)
    edge = balanced(
        fleet, clock, A, B, retry=RetrySettings(attempts=2, base=0), balancer=BalancerSettings(ejection=None)
    )

    assert calls(edge, 40) == [200] * 40
    assert all(B in fleet.hits[i : i + 2] for i in range(len(fleet.hits) - 1))


def test_open_breaker_of_the_last_one_rejects_at_once_while_the_others_are_ejected(clock):
    """Asking it again until an ejection ends would burn a processor, past every deadline."""
    clock = Ticking()
    settings = BreakerSettings(window=4, minimum_calls=4, open_for=100)
    edge = balanced(Fleet(A, B), clock, A, B, breaker=settings, balancer=ejecting(failures=2, base=50))
    calls(edge, 6)
    states = {member.instance: (member.ejected, member.circuit.state) for member in edge.balancer.members()}
    assert sorted(states.values()) == [(False, State.OPEN), (True, State.CLOSED)]

    with pytest.raises(BreakerOpenError):
        edge.handle_request(request())


def test_attempts_go_round_when_there_are_more_of_them_than_instances(clock):
    """With two instances the third attempt is at one of them again."""
    fleet = Fleet(A, B)
    edge = balanced(fleet, clock, A, B, retry=RetrySettings(attempts=4, base=0))
    edge.handle_request(request())

    assert [set(fleet.hits[:2]), set(fleet.hits[2:])] == [{A, B}, {A, B}]


def test_instance_that_fails_is_left_out_and_its_connections_are_closed(clock):
    """After so many failures in a row, for so long; then it gets calls again."""
    fleet, events = Fleet(A), []
    edge = balanced(fleet, clock, A, B, C, events=events.append, balancer=ejecting(failures=3, base=10))
    calls(edge, 9)
    fleet.hits.clear()
    calls(edge, 20)
    assert Counter(fleet.hits) == {B: 10, C: 10}
    assert (fleet.drained, edge.balancer.ejections) == ([A], 1)
    assert [event.detail for event in events if event.kind == "ejected"] == [f"{A} for 10 s: 3 failures in a row"]
    fleet.broken.clear()
    clock.now += 10
    fleet.hits.clear()
    calls(edge, 30)

    assert Counter(fleet.hits) == {A: 10, B: 10, C: 10}


def test_fast_failures_attract_no_load(clock):
    """A black hole that answers at once has the fewest calls under way; it must not get the most calls."""
    fleet = Fleet(A)
    edge = balanced(fleet, clock, A, B, C, D)
    calls(edge, 400)

    assert Counter(fleet.hits)[A] == 5


def test_each_ejection_is_longer_than_the_last_until_it_has_behaved(clock):
    """10 s, 20 s, at most the longest; after as long a time in good health it starts anew."""
    fleet = Fleet(A)
    edge = balanced(fleet, clock, A, B, balancer=ejecting(failures=1, base=10, longest=25))
    a = edge.balancer
    lengths = []
    for _ in range(4):
        while not any(member.ejected for member in a.members()):
            calls(edge, 1)
        (out,) = [member.record.out_until for member in a.members() if member.ejected]
        lengths.append(out - clock.now)
        clock.now = out
        calls(edge, 0)
        a._let_back()
    assert lengths == [10, 20, 25, 25]
    fleet.broken.clear()
    clock.now += 25
    calls(edge, 2)
    fleet.broken.add(A)
    calls(edge, 2)
    (out,) = [member.record.out_until for member in a.members() if member.ejected]

    assert out - clock.now == 10


@pytest.mark.parametrize(("instances", "ceiling", "out"), [(1, 0.9, 0), (2, 0.1, 1), (4, 0.5, 2), (4, 0.99, 3)])
def test_never_more_are_left_out_than_the_ceiling_says(clock, instances, ceiling, out):
    """When all fail it is not the instances; one of two may go all the same, the last one never."""
    everybody = [A, B, C, D][:instances]
    fleet = Fleet(*everybody)
    edge = balanced(fleet, clock, *everybody, balancer=ejecting(failures=1, ceiling=ceiling))
    calls(edge, 50)

    assert sum(member.ejected for member in edge.balancer.members()) == out


def test_ejected_ones_come_back_when_too_many_of_the_others_have_left(clock):
    """Two of four are out, then the two good ones leave: the rest is all there is."""
    fleet, registry = Fleet(A, B), Registry(A, B, C, D)
    edge = balanced(fleet, clock, registry=registry, balancer=ejecting(failures=1, base=1000, longest=1000))
    calls(edge, 8)
    registry.says = [A, B]
    clock.now += 5
    calls(edge, 4)

    assert sum(member.ejected for member in edge.balancer.members()) == 1


def test_instances_leave_and_return_while_traffic_flows(clock):
    """No call goes to one that has left, and its connections are closed; when it returns it gets its share."""
    fleet, registry, events = Fleet(), Registry(A, B), []
    edge = balanced(
        fleet, clock, registry=registry, events=events.append, balancer=BalancerSettings(strategy="round_robin")
    )
    calls(edge, 4)
    registry.says = [B]
    clock.now += 5
    calls(edge, 1)
    fleet.hits.clear()
    calls(edge, 10)
    assert Counter(fleet.hits) == {B: 10}
    assert fleet.drained == [A]
    registry.says = [A, B]
    clock.now += 5
    calls(edge, 1)
    fleet.hits.clear()
    calls(edge, 10)

    assert Counter(fleet.hits) == {A: 5, B: 5}
    assert [event.kind for event in events] == ["joined", "joined", "left", "joined"]


def test_call_at_an_instance_that_leaves_is_finished(clock):
    """And what it may have left open is closed after it."""
    fleet, registry = Fleet(), Registry(A)
    edge = balanced(fleet, clock, registry=registry)

    def leaves(_):
        fleet.hold.clear()
        registry.says = [B]
        clock.now += 5
        calls(edge, 2)

    fleet.hold[A] = leaves

    assert calls(edge, 1) == [200]
    assert fleet.hits[0] == A
    assert fleet.hits[-1] == B
    assert fleet.drained == [A, A]


def test_breaker_of_one_instance_closes_no_other(clock):
    """One of two is down: it opens alone, and the calls go to the other one without a rejection."""
    fleet = Fleet(A)
    breaker = BreakerSettings(window=2, minimum_calls=2)
    edge = balanced(fleet, clock, A, B, breaker=breaker, balancer=BalancerSettings(ejection=None))
    calls(edge, 20)
    fleet.hits.clear()

    assert calls(edge, 20) == [200] * 20
    assert {name: circuit.state for name, circuit in edge.circuits().items()} == {
        str(A): State.OPEN,
        str(B): State.CLOSED,
    }
    assert edge.allows()


def test_all_breakers_open_is_a_rejection_without_a_call(clock):
    """Of the kind that says when to come again."""
    fleet = Fleet(A, B)
    breaker = BreakerSettings(window=2, minimum_calls=2)
    edge = balanced(fleet, clock, A, B, breaker=breaker, balancer=BalancerSettings(ejection=None))
    calls(edge, 4)
    fleet.hits.clear()
    with pytest.raises(BreakerOpenError, match=r"a->b@10\.0\.0"):
        calls(edge, 1)

    assert fleet.hits == []
    assert not edge.allows()
    assert [member.in_flight for member in edge.balancer.members()] == [0, 0]


def test_nobody_there_is_an_error_of_its_own(clock):
    """Nothing was sent."""
    registry = Registry()
    registry.says = OSError("registry gone")
    with pytest.raises(NoInstanceError, match="a->b: no instance is known"):
        calls(balanced(Fleet(), clock, registry=registry), 1)


def test_registry_that_is_gone_costs_no_call(clock):
    """The last known instances go on."""
    registry = Registry(A, B)
    edge = balanced(Fleet(), clock, registry=registry)
    calls(edge, 2)
    registry.says = OSError("gone")
    for _ in range(5):
        clock.now += 5
        assert calls(edge, 4) == [200] * 4


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("bug")], ids=repr)
def test_call_that_was_broken_off_counts_for_nothing(clock, error):
    """It is under way no more, and no failure of the instance."""

    def fail(_):
        raise error

    fleet = Fleet()
    fleet.hold = {A: fail}
    edge = balanced(fleet, clock, A, B, balancer=ejecting(failures=1))
    for _ in range(10):
        try:
            calls(edge, 1)
        except type(error):
            continue

    assert [(member.in_flight, member.ejected) for member in edge.balancer.members()] == [(0, False), (0, False)]


def test_balancer_that_is_off_sends_all_calls_to_the_one_address(clock):
    """The provider is not even asked."""
    fleet = Fleet()
    edge = balanced(fleet, clock, A, B, balancer=None)
    calls(edge, 3)

    assert set(fleet.hits) == {Instance("inventory", 80)}


def test_balancer_without_a_provider_is_refused():
    """With what would be right."""
    with pytest.raises(SettingsError, match="StaticList"):
        protect(Fleet(), EdgePolicy(balancer=BalancerSettings()), name="e")


def test_real_instances_one_of_which_dies():
    """Over sockets: each is asked under the service's name, and the loss of one is no error."""
    with ScriptedServer(says(200)) as one, ScriptedServer(says(200)) as other:
        provider = StaticList(one.url, other.url, refused_url())
        policy = EdgePolicy(deadline=20, retry=RetrySettings(attempts=3, base=0), balancer=BalancerSettings())
        with client("http://inventory.test:8000", policy, name="e", provider=provider) as http:
            answers = [http.get("/things").status_code for _ in range(40)]

        assert answers == [200] * 40
        assert min(len(one.requests), len(other.requests)) > 5
        assert one.requests[0].headers["host"] == "inventory.test:8000"


def test_client_without_a_provider_balances_over_its_own_address():
    """One instance, known from the start; the path of the base stays in front."""
    with ScriptedServer(says(200)) as server:
        policy = EdgePolicy(deadline=20, balancer=BalancerSettings())
        with client(f"{server.url}/api", policy, name="e") as http:
            http.get("/things")

        assert server.requests[0].line == "GET /api/things HTTP/1.1"


def test_eight_threads_leave_no_call_behind_while_instances_come_and_go(clock):
    """Every call ends at an instance that was known; in the end none is under way."""
    fleet, registry = Fleet(B), Registry(A, B, C)
    edge = balanced(fleet, clock, registry=registry, retry=RetrySettings(attempts=3, base=0), balancer=ejecting())
    statuses = []

    def work(n):
        for i in range(100):
            if n == 0 and i % 10 == 0:
                registry.says = [[A, B], [A, B, C], [A, C, D]][i // 10 % 3]
                clock.now += 5
            statuses.extend(calls(edge, 1))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert Counter(statuses) == {200: 800}
    assert all(member.in_flight == 0 for member in edge.balancer.members())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: BalancerSettings(strategy="random"), "balancer.strategy is 'random'; right is one of least_loaded"),
        (lambda: BalancerSettings(refresh=0), "balancer.refresh is 0"),
        (lambda: EjectionSettings(failures=0), "balancer.ejection.failures is 0"),
        (lambda: EjectionSettings(base=10, longest=5), "balancer.ejection.longest is 5"),
        (lambda: EjectionSettings(ceiling=1), "balancer.ejection.ceiling is 1"),
    ],
)
def test_setting_that_makes_no_sense_is_refused(build, message):
    """With what would be right."""
    with pytest.raises(SettingsError) as caught:
        build()

    assert message in str(caught.value)


class SameAsThePlainRules(RuleBasedStateMachine):
    """Ejection against the rules written down plainly: per instance failures in a row, times out, until when."""

    @initialize(ceiling=st.sampled_from([0.3, 0.5, 0.9]))
    def begin(self, ceiling):
        self.clock, self.fleet, self.registry = ManualClock(), Fleet(), Registry(A, B, C, D)
        self.rule = EjectionSettings(failures=2, base=10, longest=30, ceiling=ceiling)
        rule = BalancerSettings(strategy="round_robin", ejection=self.rule)
        self.edge = balanced(self.fleet, self.clock, registry=self.registry, balancer=rule)
        self.edge.handle_request(request())
        self.fleet.hits.clear()
        self.model = {i: {"row": 0, "times": 0, "until": None, "since": 0.0} for i in (A, B, C, D)}

    def out(self):
        return [known for known in self.model.values() if known["until"] is not None]

    def let_back(self):
        allowed = max(int(len(self.model) * self.rule.ceiling), 1) if len(self.model) > 1 else 0
        too_many = len(self.out()) - allowed
        for place, known in enumerate(sorted(self.out(), key=lambda known: known["until"])):
            if place < too_many or known["until"] <= self.clock.now:
                known.update(row=0, until=None, since=self.clock.now)
        return allowed

    @rule(instance=st.sampled_from([A, B, C, D]))
    def break_or_mend(self, instance):
        self.fleet.broken ^= {instance}

    @rule(seconds=st.sampled_from([1.0, 10.0, 30.0]))
    def wait(self, seconds):
        self.clock.now += seconds

    @rule(present=st.sets(st.sampled_from([A, B, C, D]), min_size=1))
    def change(self, present):
        self.registry.says = sorted(present)
        self.clock.now += 5
        self.edge.balancer.directory.instances()

    @rule(times=st.integers(1, 6))
    def call(self, times):
        for _ in range(times):
            known = set(self.edge.balancer.directory.known)
            self.model = {
                i: self.model.get(i, {"row": 0, "times": 0, "until": None, "since": 0.0}) for i in sorted(known)
            }
            allowed = self.let_back()
            self.edge.handle_request(request())
            hit = self.fleet.hits[-1]
            called = self.model[hit]
            assert called["until"] is None, "an ejected instance was called"
            if hit not in self.fleet.broken:
                length = min(30, 10 * max(1, called["times"]))
                called["row"] = 0
                if called["times"] and self.clock.now >= called["since"] + length:
                    called["times"] = 0
                continue
            called["row"] += 1
            if called["row"] >= 2 and len(self.out()) < allowed:
                called["times"] += 1
                called.update(row=0, until=self.clock.now + min(30, 10 * called["times"]))

    @precondition(lambda self: hasattr(self, "model"))
    @invariant()
    def agrees(self):
        for member in self.edge.balancer.members():
            assert member.in_flight == 0
            if member.instance in self.model:
                assert member.record.out_until == self.model[member.instance]["until"]


TestSameAsThePlainRules = SameAsThePlainRules.TestCase
TestSameAsThePlainRules.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
