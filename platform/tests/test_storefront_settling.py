"""Charges that nobody asks for again: the payments service asks the bank until it is known."""

import random
from contextlib import closing

import pytest
from scripted_peer import ManualClock, ScriptedServer, refused_url, says

from storefront.payments.models import Base, Movement
from storefront.payments.movements import LEASE, Movements
from storefront.payments.settings import Settings
from storefront.payments.settling import GRACE, LONGEST, POLL, Settling
from storefront.shared.database import Database
from storefront.shared.peers import Peer


class Longest(random.Random):
    """Jitter at its largest."""

    def uniform(self, a, b):
        return b


class Payments:
    """Movements over a bank that answers with `status`, and the step that settles them."""

    def __init__(self, folder, bank):
        self.settings = Settings(database_url=f"sqlite:///{folder}/payments.db", bank_url=bank.url)
        self.database = Database(self.settings.database_url, Base.metadata, connections=4)
        self.peer = self.peer_at(bank.url)
        self.clock, self.bank = ManualClock(), bank
        self.movements = Movements(self.database, self.peer, self.clock)
        self.settle = Settling(self.movements, self.peer, Longest()).step

    def peer_at(self, url):
        return Peer("payments", "bank", url, policy=self.settings.policies.edges["bank"])

    def wanted(self, key, **fields):
        return Movement(
            id=f"id-{key}",
            idempotency_key=key,
            kind="payment",
            order_id=key,
            amount_cents=500,
            card="card-ok",
            fingerprint=key,
            created_at=self.clock(),
            **fields,
        )

    def status(self, key):
        return self.movements.carry_out(self.wanted(key)).status

    def keys(self):
        """Of all that the bank was asked."""
        return [received.headers["idempotency-key"] for received in self.bank.requests]


@pytest.fixture
def payments(tmp_path):
    def act(sock, received):
        return says(bank.status)(sock, received)

    with ScriptedServer(act) as bank:
        bank.status = 500
        made = Payments(tmp_path, bank)
        yield made
        made.peer.close()
        made.database.close()


def rows(payments):
    with payments.database.read() as session:
        return {row.idempotency_key: row.status for row in session.query(Movement).all()}


def test_charge_in_doubt_is_settled_though_its_client_never_comes_again(payments):
    """Once the bank knows; under the key that it was asked with, so that it charges once."""
    doubtful = payments.status("a")
    payments.bank.status = 201
    payments.clock.sleep(GRACE)
    payments.settle()

    assert doubtful == "pending"
    assert rows(payments) == {"a": "succeeded"}
    assert set(payments.keys()) == {"id-a"}


def test_charge_that_the_bank_declines_in_the_end_is_declined(payments):
    """Both words of the bank are an end."""
    payments.status("a")
    payments.bank.status = 402
    payments.clock.sleep(GRACE)
    payments.settle()

    assert rows(payments) == {"a": "declined"}


def test_client_s_own_retries_come_first(payments):
    """A young charge is left to whoever made it."""
    payments.status("a")
    asked = len(payments.bank.requests)
    payments.clock.sleep(GRACE - 0.1)
    payments.settle()

    assert len(payments.bank.requests) == asked


def test_charge_whose_driver_died_is_settled_when_its_claim_has_ended(payments):
    """Not before: the driver may be slow, and alive."""
    claim = {"status": "pending", "attempt": 1, "in_doubt": False}
    payments.database.add(payments.wanted("a", **claim, leased_until=payments.clock() + GRACE + LEASE))
    payments.bank.status = 201
    payments.clock.sleep(GRACE)
    payments.settle()
    early = rows(payments)
    payments.clock.sleep(LEASE)
    payments.settle()

    assert (early, rows(payments)) == ({"a": "pending"}, {"a": "succeeded"})


def test_bank_that_is_not_reached_ends_no_charge_in_doubt(payments):
    """That nothing was sent now says nothing about what was sent before."""
    payments.status("a")
    payments.clock.sleep(GRACE)
    away = payments.peer_at(refused_url())
    with closing(away):
        Settling(Movements(payments.database, away, payments.clock), away, Longest()).step()

    assert rows(payments) == {"a": "pending"}


def test_waits_grow_while_the_bank_does_not_know_and_end_with_its_answer(payments):
    """With full jitter, here at its largest."""
    payments.status("a")
    payments.clock.sleep(GRACE)
    waits = [payments.settle(), payments.settle()]
    payments.bank.status = 201

    assert waits == [POLL + 2 * POLL, POLL + 4 * POLL]
    assert max(waits) < POLL + LONGEST
    assert payments.settle() == POLL


def test_open_breaker_is_not_asked(payments):
    """The bank has enough to do."""
    for number in range(10):
        payments.status(str(number))
    asked = len(payments.bank.requests)
    payments.clock.sleep(GRACE)

    assert payments.peer.rejecting()
    assert payments.settle() == POLL
    assert len(payments.bank.requests) == asked


def test_charge_that_the_bank_never_answers_holds_up_no_other(payments):
    """What was tried least comes first."""
    for key in "ab":
        payments.status(key)
    payments.movements.finish(payments.movements.left(0, 1)[0])

    assert [row.idempotency_key for row in payments.movements.left(0, 2)] == ["b", "a"]
