"""What is asked in a way that no document allows is refused for what it is, in every service alike."""

import json

import pytest

from storefront.bank import app as bank
from storefront.bank.settings import Settings as BankSettings
from storefront.inventory import app as inventory
from storefront.inventory.settings import Settings as InventorySettings
from storefront.orders import app as orders
from storefront.orders.settings import Settings as OrdersSettings

NOBODY = "http://127.0.0.1:9"
TRANSFER = {"kind": "payment", "amount_cents": 500, "card": "card-ok", "reference": "o1"}
PEERS = dict.fromkeys(("users_url", "inventory_url", "payments_url", "notifications_url"), NOBODY)


@pytest.fixture
def make(tmp_path):
    """Makes a service's test client, and closes the service in the end."""
    apps = []

    def make(module, settings, **fields):
        apps.append(module.create_app(settings(database_url=f"sqlite:///{tmp_path}/{module.__name__}.db", **fields)))
        return apps[-1].test_client()

    yield make
    for app in apps:
        app.close()


def problem(answer):
    """Status and kind of a problem document, which every error must be."""
    assert answer.content_type == "application/problem+json"
    return answer.status_code, answer.json["type"].removeprefix("urn:storefront:problem:")


@pytest.mark.parametrize("path", ["/products/", "//products", "/products//MUG-01"])
def test_path_with_a_slash_too_many_is_no_other_name_for_it(make, path):
    """404 as a problem document: no redirect, and no second name for what a document names once."""
    client = make(inventory, InventorySettings)

    assert problem(client.get(path)) == (404, "not-found")


@pytest.mark.parametrize("method", ["OPTIONS", "PATCH", "DELETE"])
def test_method_that_no_document_names_is_405_and_says_what_is_allowed(make, method):
    """Also OPTIONS, which the framework would answer by itself."""
    answer = make(bank, BankSettings).open("/transfers", method=method)

    assert problem(answer) == (405, "method-not-allowed")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("amount", ["500.0", "5e2"])
def test_whole_number_may_be_written_with_a_fraction_of_zero(make, amount):
    """JSON has one kind of number: the same key with 500 and 500.0 is the same payload."""
    client = make(bank, BankSettings)
    key = {"Idempotency-Key": "k"}
    first = client.post("/transfers", json=TRANSFER, headers=key)
    body = json.dumps(TRANSFER).replace("500", amount)
    again = client.post("/transfers", data=body, content_type="application/json", headers=key)

    assert (first.status_code, again.json) == (201, first.json)


@pytest.mark.parametrize("amount", [500.5, 1e300, float("nan"), float("inf"), 2**31])
def test_number_that_is_not_whole_or_too_large_is_refused(make, amount):
    """422 that names the field."""
    answer = make(bank, BankSettings).post(
        "/transfers", json={**TRANSFER, "amount_cents": amount}, headers={"Idempotency-Key": "k"}
    )

    assert problem(answer) == (422, "invalid-body")
    assert answer.json["detail"] == "amount_cents must be a whole number from 1 to 2147483647"


@pytest.mark.parametrize("query", ["limit=1.5", "after=0.5", "after=1e3", "since=1_0", "since=", "limit=%D9%A1"])
def test_audit_parameter_in_another_notation_is_refused(make, query):
    """422: what Python would read as a number is not always one."""
    assert problem(make(bank, BankSettings).get(f"/audit/transfers?{query}")) == (422, "invalid-parameter")


@pytest.mark.parametrize("name", ["x" * 65, ".hidden", "a b", "%00", "%F0%9F%8D%B5"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_reservation_under_a_name_that_cannot_be_is_refused(make, method, name):
    """A release stores the name as well, so both are checked, and nothing is kept."""
    client = make(inventory, InventorySettings)
    answer = client.open(f"/reservations/{name}", method=method, json={"sku": "MUG-01", "quantity": 1})

    assert problem(answer) == (422, "invalid-parameter")
    assert client.get("/audit/reservations").json["items"] == []


def test_answer_without_content_has_no_type_of_it(make):
    """204 and no Content-Type."""
    answer = make(inventory, InventorySettings).delete("/reservations/r")

    assert (answer.status_code, answer.data, "Content-Type" in answer.headers) == (204, b"", False)


def test_token_that_could_not_be_sent_on_is_401(make):
    """What is wrong with the client's own header is no failure of the users service: nobody is asked."""
    client = make(orders, OrdersSettings, **PEERS)
    answer = client.get("/orders/x", headers={"Authorization": "Bearer tök\u00e9n"})

    assert problem(answer) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_service_that_is_not_at_rest_says_when_to_ask_again(make):
    """Every 503 carries Retry-After."""
    client = make(orders, OrdersSettings, **PEERS)
    for number in range(12):
        client.get(f"/orders/{number}")
    answer = client.get("/health/quiet")

    assert (answer.status_code, answer.json["quiet"], answer.headers["Retry-After"]) == (503, False, "1")


def test_body_that_is_too_large_ends_the_connection_openly(make):
    """Its unread rest stands in the way of the next request, which would otherwise be lost."""
    answer = make(bank, BankSettings).post("/transfers", data=b"x" * 65537)

    assert problem(answer) == (413, "request-entity-too-large")
    assert answer.headers["Connection"] == "close"
