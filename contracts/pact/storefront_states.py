"""The provider states of the storefront: real data through the real ways, and real faults on real edges.

What a service knows is put in over its own HTTP, or, where it has no way for that, in its own database by the names of
its own models. What a service cannot reach is a fault of the harness on that edge, proven and taken back.
"""

import contextlib
import smtplib
import sqlite3
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import httpx

from storefront.bank.models import Transfer
from storefront.inventory.models import Product
from storefront.payments.models import Movement
from storefront.users.models import User
from windtunnel.chaos import Chaos
from windtunnel.contracts.pact_states import States

STATES = States()
PASSWORD = "correct horse battery"
QUIET = 15.0
"""Seconds that the system has to come to rest behind a fault: an open breaker takes two to close."""


@dataclass
class Shop:
    """The running storefront, and the power to break it."""

    stack: object
    chaos: Chaos

    def ask(self, method, service, path, expected, **how):
        """One call straight to a service; anything but these statuses is an error of the state."""
        url = f"http://{self.stack.address(service)}{path}"
        answer = httpx.request(method, url, timeout=10, trust_env=False, **how)
        if answer.status_code not in expected:
            raise RuntimeError(f"{method} {path} of {service}: {answer.status_code} {answer.text[:200]}")
        return answer

    def database(self, service):
        """A connection to a service's own database, for the length of a block; committed at its end."""
        path = Path(self.stack.directory) / service / "data" / f"{service}.db"
        if not path.is_file():
            raise RuntimeError(f"{service} has no database at {path}")
        return contextlib.closing(_Transaction(path, timeout=5))

    @contextlib.contextmanager
    def without_table(self, service, table):
        """The service's database lacks a table, as after a migration that went wrong: nothing in it can be read."""
        self._execute(service, f"ALTER TABLE {table} RENAME TO {table}_gone")
        try:
            yield
        finally:
            self._execute(service, f"ALTER TABLE {table}_gone RENAME TO {table}")

    def _execute(self, service, statement, *values):
        with self.database(service) as connection:
            return connection.execute(statement, values).rowcount


class _Transaction(sqlite3.Connection):
    """Commits when it is closed."""

    def close(self):
        self.commit()
        super().close()


@STATES.given("somebody is logged in")
def somebody_is_logged_in(shop):
    """They registered and logged in like anybody else; their token is what only users can know."""
    credentials = {"email": f"pact-{uuid.uuid4().hex}@storefront.example", "password": PASSWORD}
    shop.ask("POST", "users", "/users", {201}, json=credentials)
    yield {"token": shop.ask("POST", "users", "/sessions", {201}, json=credentials).json()["token"]}


@STATES.given("users cannot read its database")
def users_is_blind(shop):
    with shop.without_table("users", User.__tablename__):
        yield


@STATES.given("there is stock")
def there_is_stock(shop, sku):
    if shop.ask("GET", "inventory", f"/products/{sku}", {200}).json()["available"] < 100:
        raise RuntimeError(f"{sku} is sold out")
    yield


@STATES.given("there is no stock left")
def there_is_no_stock(shop, sku):
    """Set aside by hand, and put back: nothing may be missing afterwards."""
    table = Product.__tablename__
    with shop.database("inventory") as connection:
        (left,) = connection.execute(f"SELECT available FROM {table} WHERE sku = ?", (sku,)).fetchone()
        connection.execute(f"UPDATE {table} SET available = available - ? WHERE sku = ?", (left, sku))
    yield
    shop._execute("inventory", f"UPDATE {table} SET available = available + ? WHERE sku = ?", left, sku)


@STATES.given("stock is held")
def stock_is_held(shop, reservation):
    shop.ask("PUT", "inventory", f"/reservations/{reservation}", {200}, json={"sku": "MUG-01", "quantity": 2})
    yield


@STATES.given("inventory cannot read its database")
def inventory_is_blind(shop):
    with shop.without_table("inventory", Product.__tablename__), shop.without_table("inventory", "reservations"):
        yield


@STATES.given("the bank answers")
def the_bank_answers(shop):
    shop.stack.until_quiet(QUIET)
    shop.ask("GET", "bank", "/health/ready", {200})
    yield


@STATES.given("payments cannot reach the bank")
def payments_cannot_reach_the_bank(shop):
    """The bank refuses connections."""
    shop.stack.until_quiet(QUIET)
    with shop.chaos.down("payments->bank"):
        yield
    shop.stack.until_quiet(QUIET)


@STATES.given("the bank takes requests and does not answer")
def the_bank_is_silent(shop, order_id, amount_cents, card):
    """A black hole. Afterwards the charge is brought to its end, as orders would: it must not stay pending for ever."""
    shop.stack.until_quiet(QUIET)
    with shop.chaos.timeout("payments->bank", timeout_ms=0):
        yield
    charge = {"order_id": order_id, "amount_cents": amount_cents, "card": card}
    key = {"Idempotency-Key": order_id}
    end = time.monotonic() + QUIET
    unsettled, settled = {202, 503}, {201, 402, 422}  # refused: then it was never taken on
    how = {"json": charge, "headers": key}
    while shop.ask("POST", "payments", "/charges", unsettled | settled, **how).status_code in unsettled:
        if time.monotonic() > end:
            raise RuntimeError(f"the charge of {order_id} stays in doubt")
        time.sleep(0.1)
    shop.stack.until_quiet(QUIET)


@STATES.given("payments cannot read its database")
def payments_is_blind(shop):
    with shop.without_table("payments", Movement.__tablename__):
        yield


@STATES.given("the bank cannot read its database")
def the_bank_is_blind(shop):
    with shop.without_table("bank", Transfer.__tablename__):
        yield


@STATES.given("the mail server takes mails")
def the_mail_server_takes_mails(shop):
    mail = shop.stack.address("mail")
    with smtplib.SMTP(mail.host, mail.port, local_hostname="localhost", timeout=5) as server:
        server.noop()
    yield


@STATES.given("notifications cannot reach the mail server")
def notifications_cannot_reach_the_mail_server(shop):
    with shop.chaos.down("notifications->mail"):
        yield


@STATES.given("that mail is being sent")
def that_mail_is_being_sent(shop, key, mail):
    """Somebody else has sent the same a moment ago, and the mail server is slow to take it."""
    headers = {"Idempotency-Key": key}

    def send():
        with contextlib.suppress(RuntimeError):
            shop.ask("POST", "notifications", "/notifications", {201, 503}, json=mail, headers=headers)

    with shop.chaos.timeout("notifications->mail", timeout_ms=0):
        sender = threading.Thread(target=send)
        sender.start()
        end = time.monotonic() + 5
        while not any(item["reference"] == mail["reference"] for item in _notifications(shop)):
            if time.monotonic() > end:
                raise RuntimeError(f"the mail {key} was not begun")
            time.sleep(0.01)
        yield
    sender.join()


def _notifications(shop):
    return shop.ask("GET", "notifications", "/audit/notifications", {200}).json()["items"]


@STATES.given("an order was confirmed")
def an_order_was_confirmed(shop):
    """The producer of the event confirms one, in a database of its own: a relay would have delivered this one."""
    yield
