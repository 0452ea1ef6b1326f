"""What has to be asked so that every documented answer comes: alike for all services first, then each in its own way.

To add an operation: document it; where an answer of it needs a story, tell the story here.
"""

import hashlib
import json
import threading
import time
from contextlib import contextmanager
from importlib import import_module

import httpx
from werkzeug.test import create_environ

from resilience.durable import Claim, IdempotencySettings, IdempotencyStore
from storefront.shared.environment import Environment
from storefront.users.tokens import Tokens

ONE_AT_A_TIME = "inbound.limit={minimum=1, initial=1, maximum=1}"
ONE_IN_ALL = "inbound.rate_limit={rate=0.001, burst=1}"


def examples(walk):
    """Every documented example, in the order of the document, answered by the status that shows the same name."""
    for operation in walk.document.operations:
        media = operation.body.get("application/json")
        for name in media.examples if media else ():
            shown = [
                status
                for status, answer in operation.answers.items()
                for form in answer.content.values()
                if name in form.examples
            ]
            body = walk.example(operation.id, name)
            sent = walk.call(operation.id, body=body, all_parameters=True, **linked(walk, operation))
            if [str(sent.status)] != shown:
                walk.findings.append(f"example {name}: {operation.name}: {sent.told}; the document shows {shown}")
        if media is None:
            walk.call(operation.id, all_parameters=True, **linked(walk, operation))


def everything(walk, *, shown):
    """Examples and refusals, whatever comes; with `shown`, examples must be answered as the document shows."""
    if shown:
        examples(walk)
    for operation in walk.document.operations:
        known = linked(walk, operation)
        walk.call(operation.id, **known)
        walk.call(operation.id, content=b"x" * 65537)
        walk.call(operation.id, X__Request__Timeout__Ms="0")
        walk.call(operation.id, content=b"{", **known)
        walk.call(operation.id, body={}, **known)


def linked(walk, operation):
    """The parameters of an operation that a link of an earlier answer gives."""
    for exchange in walk.exchanges:
        for link in exchange.links:
            if link.target == operation.id and link.name != "again":
                return walk.values(link, exchange)
    return {}


def links(walk):
    """Every link of every good answer so far leads to a good answer."""
    good = [exchange for exchange in walk.exchanges if exchange.status < 400]
    for exchange in good:
        for link in exchange.links:
            answer = walk.follow(exchange, link)
            gone = link.target == "reserve" and answer.status == 410  # released by the link before
            if answer.status >= 400 and not gone:
                walk.findings.append(f"link {link.name}: {exchange.operation.name}: leads to {answer.told}")


def refusals(walk):
    """What every service refuses in the same way."""
    for operation in walk.document.operations:
        walk.call(operation.id, content=b"x" * 65537, expects="413 request-entity-too-large")
        if "504" in operation.answers:
            walk.call(operation.id, X__Request__Timeout__Ms="0", expects="504 deadline-passed")
        if operation.body:
            walk.call(operation.id, content=b"{", expects="400 malformed-json", **linked(walk, operation))
            walk.call(operation.id, body={}, expects="422 invalid-body", **linked(walk, operation))
            text = {"Content__Type": "text/plain"}
            walk.call(operation.id, **{**linked(walk, operation), **text}, expects="415 unsupported-media-type")
        if any(parameter.name == "Idempotency-Key" for parameter in operation.parameters):
            walk.call(operation.id, Idempotency__Key=None, expects="400 idempotency-key", **_path(walk, operation))
        if any(parameter.name == "limit" for parameter in operation.parameters):
            walk.call(operation.id, limit="0", expects="422 invalid-parameter")
        if operation.security:
            walk.call(operation.id, Authorization=None, expects="401 unauthorized")


def _path(walk, operation):
    found = linked(walk, operation)
    return {name: value for name, value in found.items() if name != "Idempotency__Key"}


def strain(walk, app_with):
    """What only a service in trouble says: too often, too much at once, no database, on its way out."""
    asked = [operation for operation in walk.document.operations if "429" in operation.answers]
    with app_with(POLICIES_SET=ONE_IN_ALL) as app, _through(walk, app):
        walk.client.get("/nothing")
        for operation in asked:
            walk.call(operation.id, expects="429 rate-limited")
    with app_with(POLICIES_SET=ONE_AT_A_TIME) as app, _through(walk, app), _one_at_work(app):
        for operation in asked:
            walk.call(operation.id, expects="503 overloaded")
    with app_with() as app, _through(walk, app):
        _break_database(app)
        for operation in walk.document.operations:
            answer = operation.answers.get("503")
            form = answer and answer.content["application/problem+json"]
            if form and "urn:storefront:problem:database-unavailable" in form.schema["properties"]["type"]["enum"]:
                walk.call(operation.id, expects="503 database-unavailable")
    with app_with() as app, _through(walk, app):
        app.life.drain(3600, lambda: None)
        walk.call("ready", expects="503 draining")


@contextmanager
def _through(walk, app):
    """The walk goes on against an application in this process, over WSGI."""
    before = walk.client
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://app") as walk.client:
        yield
    walk.client = before


class _Slow:
    """A body that comes when it is let."""

    def __init__(self):
        self.reading, self.go_on = threading.Event(), threading.Event()

    def read(self, size=-1):
        self.reading.set()
        self.go_on.wait(30)
        return b""

    readline = read


@contextmanager
def _one_at_work(app):
    slow = _Slow()
    environ = create_environ("/nothing", method="POST")
    environ |= {"wsgi.input": slow, "CONTENT_LENGTH": "5"}
    thread = threading.Thread(target=lambda: list(app(environ, lambda *_: None)))
    thread.start()
    assert slow.reading.wait(30)
    try:
        yield
    finally:
        slow.go_on.set()
        thread.join()


def _break_database(app):
    file = app.database_file
    file.unlink()
    app.database.close()
    file.mkdir()


def users(walk, world):
    who = walk.follow(*_link(walk, "whoAmI"))
    assert who.json["id"] == walk.exchanges[0].json["id"]
    walk.token = Tokens(world.jwt_key, 3600, time.time).issue("somebody")


def _link(walk, target):
    every = ((e, link) for e in walk.exchanges for link in e.links)
    return next(pair for pair in every if pair[1].target == target)


def inventory(walk, world):
    name = f"r-{walk.run}"
    walk.call("reserve", reservation_id=name, body={"sku": "MUG-01", "quantity": 1}, expects="200")
    walk.call("release", reservation_id=name, expects="204")
    walk.call("reserve", reservation_id=name, expects="410 reservation-released")
    for operation in ("reserve", "release"):
        walk.call(operation, reservation_id="x" * 65, expects="422 invalid-parameter")
    walk.call("readProduct", sku="NO-SUCH", expects="404 no-such-product")
    with world.app("inventory", INITIAL_STOCK="1") as app, _through(walk, app):
        walk.call("reserve", body={"sku": "MUG-01", "quantity": 2}, expects="409 out-of-stock")


def bank(walk, world):
    payment = walk.example("transfer", "payment")
    again = {"Idempotency__Key": f"again-{walk.run}"}
    walk.call("transfer", body=payment, expects="201", **again)
    walk.call("transfer", body={**payment, "amount_cents": 1}, expects="422 idempotency-key-reused", **again)
    walk.call("readTransfer", expects="404 no-such-transfer")
    with world.app("bank") as app, _through(walk, app):
        _at_work(app, "bank", "POST /transfers", payment)
        walk.call("transfer", body=payment, Idempotency__Key="at-work", expects="409 in-progress")


def notifications(walk, world):
    mail = walk.example("notify", "mail")
    again = {"Idempotency__Key": f"again-{walk.run}"}
    with world.chaos.down("notifications->mail"):
        refused = walk.call("notify", body=mail, expects="503 dependency-unavailable", **again)
    assert walk.follow(refused, _again(refused)).told == "201"
    walk.call("notify", body={**mail, "text": "other"}, expects="422 idempotency-key-reused", **again)
    # The form of an address, for the document; none that RFC 5321 knows, for the mail server.
    walk.call("notify", body={**mail, "recipient": "ann@shop..example"}, expects="422 undeliverable")
    walk.call("readNotification", expects="404 no-such-notification")
    with world.app("notifications") as app, _through(walk, app):
        _at_work(app, "notifications", "POST /notifications", mail)
        walk.call("notify", body=mail, Idempotency__Key="at-work", expects="409 in-progress")


def payments(walk, world):
    charge = walk.example("charge", "charged")
    paid = walk.call("charge", body=charge, expects="201")
    key = paid.headers["Idempotency-Key"]
    walk.call("charge", body={**charge, "amount_cents": 1}, Idempotency__Key=key, expects="422 idempotency-key-reused")
    walk.call("readCharge", expects="404 no-such-charge")
    walk.call("refund", expects="404 no-such-charge")
    one = {"body": {"amount_cents": 1}, "charge_id": paid.json["id"]}
    walk.call("refund", **one, Idempotency__Key=key, expects="422 idempotency-key-reused")
    walk.call("charge", body={**charge, "card": "card-declined"}, expects="402 declined")
    rows = walk.call("auditCharges", since=str(paid.json["created_at"])).json["items"]
    (lost,) = (row["id"] for row in rows if row["status"] == "declined")
    walk.call("refund", **{**one, "charge_id": lost}, expects="409 not-refundable")
    with world.chaos.http_status("payments->bank", status=402, match={"method": "POST", "path": "/transfers"}):
        walk.call("refund", **one, expects="402 declined")
    for ask in (lambda: walk.call("charge", body=charge), lambda: walk.call("refund", **one)):
        _come_again(walk, [_in_doubt(walk, world, ask)])
    with world.chaos.down("payments->bank"):
        refused = [walk.call("charge", body=charge, expects="503 not-charged")]
        refused.append(walk.call("refund", **one, expects="503 not-charged"))
    _come_again(walk, refused)


def orders(walk, world):
    wanted = walk.example("placeOrder", "mugs")
    placed = walk.call("placeOrder", body=wanted, expects="201")
    same = {"Idempotency__Key": placed.headers["Idempotency-Key"]}
    walk.call("placeOrder", body={**wanted, "quantity": 1}, expects="422 idempotency-key-reused", **same)
    walk.call("readOrder", expects="404 no-such-order")
    out_of_stock = '{"title": "gone"}'
    with world.chaos.http_status("orders->inventory", status=409, body=out_of_stock):
        walk.call("placeOrder", body=wanted, expects="409 out-of-stock")
    with world.chaos.down("orders->users"):
        walk.call("placeOrder", body=wanted, expects="503 dependency-unavailable")
        walk.call("readOrder", order_id=placed.json["id"], expects="503 dependency-unavailable")
    world.settle()
    with world.chaos.down("orders->inventory"):
        refused = walk.call("placeOrder", body=wanted, expects="503 unavailable")
    doubtful = _in_doubt(walk, world, lambda: walk.call("placeOrder", body=wanted))
    _come_again(walk, [refused, doubtful])


def _in_doubt(walk, world, ask):
    """What is answered when the bank has done it and its answer is lost: 202."""
    for _ in range(5):
        world.settle()
        with world.chaos.http_lose_answer("payments->bank"):
            exchange = ask()
            if exchange.status == 202:
                walk.call("quiet", expects="503")
                return exchange
        # A breaker that remembers the last lost answers has opened at the first new one: once more.
    raise AssertionError(f"never 202, last {exchange.told}")


def _come_again(walk, exchanges):
    """Nothing is broken any more: the same request has its answer, once breakers let it through."""
    end = time.monotonic() + 15
    while exchanges:
        exchanges = [exchange for exchange in exchanges if walk.follow(exchange, _again(exchange)).told != "201"]
        assert not exchanges or time.monotonic() < end, f"not 201 though everything is well: {walk.exchanges[-1].told}"
        time.sleep(0.1 if exchanges else 0)


def _again(exchange):
    (link,) = (link for link in exchange.links if link.name == "again")
    return link


def _at_work(app, service, scope, body):
    """Somebody has asked for the same with the key `at-work`, and has no answer yet."""
    keys = import_module(f"storefront.{service}.models").KEYS
    settings = import_module(f"storefront.{service}.settings").declared(Environment({}))
    store = IdempotencyStore(keys, settings.table("idempotency", IdempotencySettings), time.time)
    fingerprint = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    with app.database.write() as connection:
        store.begin(connection, Claim(scope=scope, key="at-work", fingerprint=fingerprint))


STORIES = {story.__name__: story for story in (users, inventory, orders, payments, bank, notifications)}
