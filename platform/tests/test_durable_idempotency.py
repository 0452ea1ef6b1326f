"""The idempotency store: once per key, the same answer every time, and never for ever in progress."""

import pytest
from durable_store import CrashError, MemoryStore, in_threads
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from scripted_peer import ManualClock
from sqlalchemy import Column, Integer, MetaData, String, Table, func, insert, select

from resilience.durable import (
    Answer,
    Claim,
    IdempotencySettings,
    IdempotencyStore,
    InProgress,
    KeyReusedError,
    New,
    idempotency_table,
)
from resilience.errors import SettingsError

METADATA = MetaData()
KEYS = idempotency_table(METADATA)
EFFECTS = Table("effects", METADATA, Column("id", Integer, primary_key=True), Column("key", String))
SETTINGS = IdempotencySettings(keep=100, lease=10)
DONE = Answer(201, b'{"id": 1}', {"Content-Type": "application/json", "Location": "/things/1"})


def claim(key="k", scope="POST /things", fingerprint="one"):
    return Claim(scope=scope, key=key, fingerprint=fingerprint)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def database():
    store = MemoryStore(METADATA)
    yield store
    store.close()


@pytest.fixture
def keys(clock):
    return IdempotencyStore(KEYS, SETTINGS, clock)


@pytest.fixture(params=["in two steps", "at once"])
def request_(request, database, keys):
    """One whole request, in one transaction: begin, effect, finish; or settle, effect."""

    def begin(connection, wanted, answer):
        at_once = request.param == "at once" and answer.status < 500
        return keys.settle(connection, wanted, answer) if at_once else keys.begin(connection, wanted)

    def whole(wanted, answer=DONE):
        with database.write() as connection:
            known = begin(connection, wanted, answer)
            if not isinstance(known, New):
                return known
            connection.execute(insert(EFFECTS), {"key": wanted.key})
            keys.finish(connection, wanted, known, answer)  # changes nothing that is settled
            return answer

    return whole


def effects(database):
    with database.view() as connection:
        return connection.scalar(select(func.count()).select_from(EFFECTS))


def test_replay_is_the_same_answer_byte_by_byte_and_no_second_effect(request_, database, keys):
    """Status, body and headers; counted as a replay."""
    answers = [request_(claim()) for _ in range(3)]

    assert answers == [DONE] * 3
    assert (effects(database), keys.replayed) == (1, 2)


@pytest.mark.parametrize("crash_at", ["before", "after"])
def test_crash_leaves_key_and_effect_together_or_neither(request_, database, crash_at):
    """Whoever asks again gets exactly one effect."""
    database.crash_at = crash_at
    with pytest.raises(CrashError):
        request_(claim())
    left = effects(database)
    again = request_(claim())

    assert (left, again, effects(database)) == ({"before": 0, "after": 1}[crash_at], DONE, 1)


def test_key_of_another_payload_is_refused(request_, database):
    """And nothing is done."""
    request_(claim())
    with pytest.raises(KeyReusedError):
        request_(claim(fingerprint="two"))

    assert effects(database) == 1


def test_key_of_another_scope_is_another_key(request_, database):
    """Nobody is shown somebody else's answer."""
    other = Answer(200, b"other")

    assert (request_(claim()), request_(claim(scope="ben"), other)) == (DONE, other)
    assert (request_(claim()), request_(claim(scope="ben"))) == (DONE, other)
    assert effects(database) == 2


def test_failure_of_the_server_is_not_stored(request_):
    """A 503 leaves the key free; a 402 is an answer."""
    assert request_(claim(), Answer(503, b"")).status == 503
    assert request_(claim(), Answer(402, b"no")).status == 402
    assert request_(claim(), DONE) == Answer(402, b"no")


def test_key_at_work_is_in_progress_until_its_lease_ends(database, keys, clock):
    """Whoever died with it does not hold it for ever, and can store nothing any more."""
    with database.write() as connection:
        first = keys.begin(connection, claim())
    with database.write() as connection:
        waiting = keys.begin(connection, claim())
    clock.now += SETTINGS.lease
    with database.write() as connection:
        second = keys.begin(connection, claim())
        late = keys.finish(connection, claim(), first, Answer(200, b"late"))
        stored = keys.finish(connection, claim(), second, DONE)

    assert (first, waiting, second) == (New(1), InProgress(10.0), New(2))
    assert (late, stored) == (False, True)


def test_answer_settled_over_a_lapsed_claim_is_kept(database, keys, clock):
    """Whoever died with the key stores nothing; `settle` of the next one counts as the second attempt."""
    with database.write() as connection:
        keys.begin(connection, claim())
        waiting = keys.settle(connection, claim(), DONE)
        clock.now += SETTINGS.lease
        taken = keys.settle(connection, claim(), DONE)
        late = keys.finish(connection, claim(), New(1), Answer(200, b"late"))
        known = keys.begin(connection, claim())

    assert (waiting, taken, late, known) == (InProgress(10.0), New(2), False, DONE)


def test_failure_of_the_server_cannot_be_settled(database, keys):
    """It would be given again to everybody who asks."""
    with database.write() as connection:
        with pytest.raises(ValueError, match="answer of 503 must not be kept"):
            keys.settle(connection, claim(), Answer(503, b""))

        assert keys.begin(connection, claim()) == New(1)


def test_answer_expires_and_the_key_is_new_again(request_, database, keys, clock):
    """Not before `keep`; expiry takes it out of the table."""
    request_(claim())
    clock.now += SETTINGS.keep - 0.001
    kept = request_(claim())
    clock.now += 0.001
    with database.write() as connection:
        expired = keys.expire(connection)

    assert (kept, expired) == (DONE, 1)
    request_(claim(fingerprint="two"))
    assert effects(database) == 2


def test_eight_threads_with_one_key_have_one_effect(request_, database):
    """All get its answer."""
    answers = in_threads(lambda _: [request_(claim(key=f"k{n}")) for n in range(20)])

    assert answers == [[DONE] * 20] * 8
    assert effects(database) == 20


class KeysMachine(RuleBasedStateMachine):
    """The store beside a dictionary."""

    @initialize()
    def make(self):
        self.clock, self.database = ManualClock(), MemoryStore(METADATA)
        self.keys = IdempotencyStore(KEYS, SETTINGS, self.clock)
        self.model, self.held = {}, []

    def teardown(self):
        if hasattr(self, "database"):
            self.database.close()

    def expected(self, wanted):
        entry = self.model.get((wanted.scope, wanted.key))
        if entry is None:
            return New(1)
        alive = entry["until"] > self.clock.now
        if entry["print"] != wanted.fingerprint and (alive or entry["answer"] is None):
            return KeyReusedError
        if alive:
            return entry["answer"] or InProgress(pytest.approx(entry["until"] - self.clock.now))
        return New(entry["attempt"] + 1)

    @rule(scope=st.sampled_from("ab"), key=st.sampled_from("xy"), fingerprint=st.sampled_from("12"))
    def begin(self, scope, key, fingerprint):
        wanted = claim(key, scope, fingerprint)
        expected = self.expected(wanted)
        with self.database.write() as connection:
            if expected is KeyReusedError:
                with pytest.raises(KeyReusedError):
                    self.keys.begin(connection, wanted)
                return
            found = self.keys.begin(connection, wanted)
        assert found == expected
        if isinstance(found, New):
            until = self.clock.now + SETTINGS.lease
            self.model[scope, key] = {"print": fingerprint, "until": until, "answer": None, "attempt": found.attempt}
            self.held.append((wanted, found))

    @rule(scope=st.sampled_from("ab"), key=st.sampled_from("xy"), fingerprint=st.sampled_from("12"))
    def settle(self, scope, key, fingerprint):
        wanted, answer = claim(key, scope, fingerprint), Answer(201, b"settled", {"A": "b"})
        expected = self.expected(wanted)
        with self.database.write() as connection:
            if expected is KeyReusedError:
                with pytest.raises(KeyReusedError):
                    self.keys.settle(connection, wanted, answer)
                return
            found = self.keys.settle(connection, wanted, answer)
        assert found == expected
        if isinstance(found, New):
            until = self.clock.now + SETTINGS.keep
            self.model[scope, key] = {"print": fingerprint, "until": until, "answer": answer, "attempt": found.attempt}

    @rule(data=st.data(), status=st.sampled_from([201, 402, 503, None]))
    def finish(self, data, status):
        if not self.held:
            return
        wanted, new = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        entry = self.model.get((wanted.scope, wanted.key))
        ours = entry is not None and entry["attempt"] == new.attempt and entry["answer"] is None
        answer = Answer(status or 0, b"body", {"A": "b"})
        with self.database.write() as connection:
            if status is None:
                assert self.keys.abandon(connection, wanted, new) == ours
            else:
                assert self.keys.finish(connection, wanted, new, answer) == ours
        if ours and (status is None or status >= 500):
            del self.model[wanted.scope, wanted.key]
            self.held = [(c, n) for c, n in self.held if (c.scope, c.key) != (wanted.scope, wanted.key)]
        elif ours:
            entry.update(answer=answer, until=self.clock.now + SETTINGS.keep)

    @rule(seconds=st.sampled_from([1, 10, 60]))
    def wait(self, seconds):
        self.clock.now += seconds

    @rule()
    def expire(self):
        gone = [k for k, e in self.model.items() if e["answer"] is not None and e["until"] <= self.clock.now]
        with self.database.write() as connection:
            assert self.keys.expire(connection) == len(gone)
        for key in gone:
            del self.model[key]
            self.held = [(c, n) for c, n in self.held if (c.scope, c.key) != key]


TestStoreIsADictionary = KeysMachine.TestCase


@pytest.mark.parametrize(("field", "value"), [("keep", 0), ("lease", 0), ("lease", 4000)])
def test_setting_that_makes_no_sense_is_refused(field, value):
    """By name, with what would be right."""
    with pytest.raises(SettingsError, match=rf"idempotency\.{field} is {value}; right is a number from"):
        IdempotencySettings(**{field: value})
