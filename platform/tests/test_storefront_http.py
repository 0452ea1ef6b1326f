"""Each service's HTTP, through Flask's test client: statuses, refusals, problem documents."""

import pytest
from storefront_shop import JWT_KEY, PASSWORD, Shop

from storefront.bank import app as bank
from storefront.bank.settings import Settings as BankSettings
from storefront.inventory import app as inventory
from storefront.inventory.settings import Settings as InventorySettings
from storefront.notifications import app as notifications
from storefront.notifications.settings import Settings as NotificationsSettings
from storefront.orders import app as orders
from storefront.orders.settings import Settings as OrdersSettings
from storefront.payments import app as payments
from storefront.payments.settings import Settings as PaymentsSettings
from storefront.users import app as users
from storefront.users.settings import Settings as UsersSettings

NOBODY = "http://127.0.0.1:9"
"""Nothing listens there: connections are refused."""
TRANSFER = {"kind": "payment", "amount_cents": 500, "card": "card-ok", "reference": "o1"}
CHARGE = {"order_id": "o1", "amount_cents": 500, "card": "card-ok"}
MAIL = {"recipient": "a@b.example", "subject": "s", "text": "t", "reference": "o1"}
KEY = {"Idempotency-Key": "k"}


class Clock:
    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make(tmp_path, clock):
    """Makes a service's test client, and closes the service in the end."""
    apps = []

    def make(module, settings, **fields):
        url = f"sqlite:///{tmp_path}/{module.__name__}.db"
        apps.append(module.create_app(settings(database_url=url, **fields), clock=clock))
        return apps[-1].test_client()

    yield make
    for app in apps:
        app.close()


def problem(answer):
    """Status and kind of a problem document, which every error must be."""
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == answer.status_code
    return answer.status_code, answer.json["type"].removeprefix("urn:storefront:problem:")


def make_orders(make):
    urls = {**dict.fromkeys(("users_url", "payments_url", "notifications_url"), NOBODY), "inventory_urls": (NOBODY,)}
    return make(orders, OrdersSettings, **urls)


def test_user_registers_logs_in_and_is_recognised_until_the_token_expires(make, clock):
    """The token carries the user, and no longer than it says."""
    client = make(users, UsersSettings, jwt_key=JWT_KEY, token_seconds=60)
    credentials = {"email": "Ann@b.example", "password": PASSWORD}
    registered = client.post("/users", json=credentials)
    session = client.post("/sessions", json=credentials)
    headers = {"Authorization": f"Bearer {session.json['token']}"}
    fresh = client.get("/me", headers=headers)
    clock.now += 61
    stale = client.get("/me", headers=headers)

    assert (registered.status_code, session.status_code, session.json["expires_in"]) == (201, 201, 60)
    assert (fresh.status_code, fresh.json) == (200, {"id": registered.json["id"], "email": "ann@b.example"})
    assert problem(stale) == (401, "unauthorized")
    assert problem(client.post("/users", json=credentials)) == (409, "email-taken")


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x.y.z", "Basic YTpi"])
def test_nobody_is_recognised_without_a_valid_token(make, header):
    """401 with a challenge."""
    client = make(users, UsersSettings, jwt_key=JWT_KEY)
    answer = client.get("/me", headers={"Authorization": header} if header else {})

    assert problem(answer) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("email", ["a@b.example", "nobody@b.example"], ids=["wrong password", "unknown email"])
def test_failed_log_ins_cannot_be_told_apart(make, email):
    """Neither answer says whether there is such a user."""
    client = make(users, UsersSettings, jwt_key=JWT_KEY)
    client.post("/users", json={"email": "a@b.example", "password": PASSWORD})
    answer = client.post("/sessions", json={"email": email, "password": "wrong password"})

    assert (problem(answer), answer.json["detail"]) == ((401, "unauthorized"), "Email or password is wrong")


def test_reserving_and_releasing_can_be_repeated_and_release_is_final(make):
    """Stock moves once each way; a reservation that comes after its release takes nothing."""
    client = make(inventory, InventorySettings, initial_stock=10)
    wanted = {"sku": "MUG-01", "quantity": 4}

    def left():
        return client.get("/products/MUG-01").json["available"]

    assert [client.put("/reservations/r", json=wanted).status_code for _ in range(2)] == [200, 200]
    assert left() == 6
    assert problem(client.put("/reservations/r", json={**wanted, "quantity": 5})) == (422, "reservation-changed")
    assert [client.delete("/reservations/r").status_code for _ in range(2)] == [204, 204]
    assert left() == 10
    assert problem(client.put("/reservations/r", json=wanted)) == (410, "reservation-released")
    assert client.delete("/reservations/late").status_code == 204
    assert problem(client.put("/reservations/late", json=wanted)) == (410, "reservation-released")
    assert left() == 10


def test_more_than_there_is_cannot_be_reserved(make):
    """409, and nothing is taken; an unknown product is 404."""
    client = make(inventory, InventorySettings, initial_stock=3)

    assert problem(client.put("/reservations/r", json={"sku": "MUG-01", "quantity": 4})) == (409, "out-of-stock")
    assert problem(client.put("/reservations/r", json={"sku": "NO-1", "quantity": 1})) == (404, "no-such-product")
    assert client.put("/reservations/r", json={"sku": "MUG-01", "quantity": 3}).status_code == 200
    assert client.get("/audit/stock").json["items"][0] == {"sku": "MUG-01", "initial": 3, "available": 0, "held": 3}


def test_bank_moves_money_once_per_key(make):
    """The same key is the same transfer; with another payload it is refused; the test card and the limit decline."""
    client = make(bank, BankSettings, limit_cents=1000)
    first, again = (client.post("/transfers", json=TRANSFER, headers=KEY) for _ in range(2))

    assert (first.status_code, first.json) == (again.status_code, again.json)
    assert problem(client.post("/transfers", json={**TRANSFER, "amount_cents": 1}, headers=KEY)) == (
        422,
        "idempotency-key-reused",
    )
    for key, change in (("c", {"card": "card-declined"}), ("l", {"amount_cents": 1001})):
        answers = [
            client.post("/transfers", json={**TRANSFER, **change}, headers={"Idempotency-Key": key}) for _ in range(2)
        ]
        assert [problem(answer) for answer in answers] == [(402, "declined")] * 2
    assert len(client.get("/audit/transfers").json["items"]) == 3


def test_unreached_bank_is_certainly_not_charged_and_the_key_stays_good(make):
    """503 `not-charged`, as often as it is asked, and nothing pending is left."""
    client = make(payments, PaymentsSettings, bank_url=NOBODY)
    answers = [client.post("/charges", json=CHARGE, headers=KEY) for _ in range(2)]

    assert [problem(answer) for answer in answers] == [(503, "not-charged")] * 2
    assert answers[0].headers["Retry-After"] == "1"
    assert [row["status"] for row in client.get("/audit/charges").json["items"]] == ["abandoned"]
    assert client.get("/health/quiet").status_code == 200


def test_charge_is_made_and_refunded_through_the_bank(make, tmp_path):
    """Over a real bank: charge, replay, refund in part, and no more than was paid."""
    with Shop(tmp_path, services=("bank",)) as shop:
        client = make(payments, PaymentsSettings, bank_url=shop.url("bank"))
        first, again = (client.post("/charges", json=CHARGE, headers=KEY) for _ in range(2))
        refunds = f"/charges/{first.json['id']}/refunds"
        too_much = client.post(refunds, json={"amount_cents": 501}, headers={"Idempotency-Key": "r1"})
        refunded = [client.post(refunds, json={"amount_cents": 400}, headers={"Idempotency-Key": "r2"}) for _ in "12"]
        rest = client.post(refunds, json={"amount_cents": 200}, headers={"Idempotency-Key": "r3"})
        moved = [(t["kind"], t["amount_cents"]) for t in shop.get("bank", "/audit/transfers")["items"]]

    assert (first.status_code, first.json["status"], again.json) == (201, "succeeded", first.json)
    assert [answer.status_code for answer in refunded] == [201, 201]
    assert (problem(too_much), problem(rest)) == ((409, "refund-too-large"),) * 2
    assert moved == [("payment", 500), ("refund", 400)]


def test_mail_that_could_not_be_sent_is_503_and_sent_when_asked_again(make):
    """Nothing is lost and nothing is promised: whoever wants it sent asks again."""
    client = make(notifications, NotificationsSettings, smtp_url="smtp://127.0.0.1:9")
    answer = client.post("/notifications", json=MAIL, headers=KEY)

    assert problem(answer) == (503, "dependency-unavailable")
    assert [row["sent"] for row in client.get("/audit/notifications").json["items"]] == [False]


def test_line_break_in_a_mail_header_is_refused(make):
    """Nobody can smuggle a header in."""
    client = make(notifications, NotificationsSettings, smtp_url="smtp://127.0.0.1:9")
    answer = client.post("/notifications", json={**MAIL, "subject": "s\r\nBcc: x@y.example"}, headers=KEY)

    assert problem(answer) == (422, "invalid-body")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"method": "GET", "path": "/nothing"}, (404, "not-found")),
        ({"method": "DELETE", "path": "/transfers"}, (405, "method-not-allowed")),
        ({"data": "x", "content_type": "text/plain"}, (415, "unsupported-media-type")),
        ({"data": "{", "content_type": "application/json"}, (400, "malformed-json")),
        ({"data": "[" * 30000, "content_type": "application/json"}, (400, "malformed-json")),
        ({"data": "x" * 70000, "content_type": "application/json"}, (413, "request-entity-too-large")),
        ({"json": []}, (422, "invalid-body")),
        ({"json": {}}, (422, "invalid-body")),
        ({"json": {**TRANSFER, "amount_cents": True}}, (422, "invalid-body")),
        ({"json": {**TRANSFER, "amount_cents": 10**30}}, (422, "invalid-body")),
        ({"json": {**TRANSFER, "reference": "\ud800"}}, (422, "invalid-body")),
        ({"json": {**TRANSFER, "jiter": 1}}, (422, "invalid-body")),
        ({"json": TRANSFER, "headers": {}}, (400, "idempotency-key")),
        ({"json": TRANSFER, "headers": {"Idempotency-Key": "x" * 201}}, (400, "idempotency-key")),
    ],
    ids=lambda value: None if isinstance(value, tuple) else str(value)[:40],
)
def test_every_refusal_is_a_problem_document(make, request_, expected):
    """Whatever a client sends, the answer says what was wrong, in one format."""
    client = make(bank, BankSettings)
    answer = client.open(**{"method": "POST", "path": "/transfers", "headers": KEY, **request_})

    assert problem(answer) == expected


@pytest.mark.parametrize(
    "query",
    [
        *("since=x", "since=nan", "after=-1", "limit=0", "limit=1001", "since=1e999"),
        # One above the largest; as a float it would be the largest.
        *(f"{name}={2**53 + 1}" for name in ("since", "after")),
    ],
)
def test_bad_audit_parameter_is_refused(make, query):
    """422 that names it."""
    client = make(bank, BankSettings)

    assert problem(client.get(f"/audit/transfers?{query}")) == (422, "invalid-parameter")


def test_audit_listing_goes_on_page_by_page_and_from_a_time(make, clock):
    """The cursor leads through everything once; `since` leaves out what is older."""
    client = make(bank, BankSettings)
    for number in range(5):
        clock.now += 1
        client.post("/transfers", json=TRANSFER, headers={"Idempotency-Key": f"k{number}"})
    pages, after = [], 0
    while after is not None:
        page = client.get(f"/audit/transfers?after={after}&limit=2").json
        after = page["next"]
        pages.append(len(page["items"]))
    late = client.get("/audit/transfers", query_string={"since": clock.now - 1}).json["items"]

    assert pages == [2, 2, 1]
    assert len(late) == 2


def test_order_without_users_is_503_and_stores_nothing(make):
    """A connection that is refused is told as what it is: come again."""
    client = make_orders(make)
    answer = client.post("/orders", json={"sku": "MUG-01", "quantity": 1, "card": "card-ok"}, headers=KEY)

    assert problem(answer) == (503, "dependency-unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert client.get("/audit/orders").json == {"items": [], "next": None}


def test_order_without_a_key_is_400(make):
    """Before anybody is asked who it is."""
    client = make_orders(make)

    assert problem(client.post("/orders", json={})) == (400, "idempotency-key")


def test_request_id_comes_back_and_garbage_is_replaced(make):
    """A safe id travels; one that could break a log line does not."""
    client = make(bank, BankSettings)
    kept = client.get("/health/live", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"]
    replaced = client.get("/health/live", headers={"X-Request-Id": 'x"y'}).headers["X-Request-Id"]

    assert kept == "abc-1"
    assert len(replaced) == 32


def test_metrics_count_by_template_and_show_breakers(make):
    """The route is the template, whatever the path; a breaker is closed in the beginning."""
    client = make_orders(make)
    for number in range(3):
        client.get(f"/orders/{number}")
    text = client.get("/metrics").text

    assert 'http_requests_total{method="GET",route="/orders/<order_id>",status="503"} 3.0' in text
    assert 'circuit_breaker_state{instance="",name="orders->payments"} 0.0' in text
    assert "/orders/1" not in text


def test_open_breaker_and_backlog_are_not_quiet(make):
    """Health tells what is not at rest yet; readiness does not depend on it."""
    client = make_orders(make)
    for number in range(12):
        client.get(f"/orders/{number}")
    quiet = client.get("/health/quiet")

    assert (quiet.status_code, quiet.json["waiting_for"]) == (503, {"breakers": {"orders->users": "open"}})
    assert client.get("/health/ready").status_code == 200


def test_every_answer_is_503_and_quick_once_the_breaker_is_open(make):
    """The problem document says when to come again."""
    client = make_orders(make)
    for number in range(12):
        answer = client.get(f"/orders/{number}")

    assert problem(answer) == (503, "dependency-unavailable")
    assert 1 <= int(answer.headers["Retry-After"]) <= 2


def test_database_that_does_not_answer_is_503(make, tmp_path):
    """Its own trouble is told as trouble that passes, and readiness says so."""
    client = make(bank, BankSettings)
    (tmp_path / "storefront.bank.app.db").unlink()
    client.application.database.close()
    (tmp_path / "storefront.bank.app.db").mkdir()

    assert problem(client.get("/audit/transfers")) == (503, "database-unavailable")
    assert problem(client.get("/health/ready")) == (503, "database-unavailable")
    assert client.get("/health/live").status_code == 200
