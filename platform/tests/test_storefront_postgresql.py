"""The storefront's services on PostgreSQL: what their pool survives, what several writers at once must not spoil."""

import contextlib
import threading

import pytest
from durable_store import in_threads
from postgres_server import database_url, postgres_server
from scripted_peer import ManualClock
from sqlalchemy import insert, make_url, text
from storefront_shop import Shop, eventually

from resilience.durable import Answer, Claim, IdempotencySettings, IdempotencyStore, New
from storefront.bank import app as bank
from storefront.bank.models import KEYS, Base, Transfer
from storefront.bank.settings import Settings as BankSettings
from storefront.inventory import app as inventory
from storefront.inventory.models import CATALOGUE
from storefront.inventory.settings import Settings as InventorySettings
from storefront.shared import postgresql
from storefront.shared.database import Database, table_of
from storefront.shared.postgresql import Reach
from windtunnel.faults.canary import Song, sing
from windtunnel.faults.dialect import Postgresql
from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.stack.base import Address
from windtunnel.toxiproxy import EdgeProxy, ToxiproxyClient

TRANSFER = {"kind": "payment", "amount_cents": 500, "card": "card-ok", "reference": "o1"}


@pytest.fixture
def url():
    return database_url("postgresql", None)


@pytest.fixture
def database(url):
    database = Database(url, Base.metadata)
    yield database
    database.close()


@pytest.fixture
def make(url):
    """Makes a service's test client, and closes the service in the end."""
    apps = []

    def make(module, settings):
        apps.append(module.create_app(settings(database_url=url)))
        return apps[-1].test_client()

    yield make
    for app in apps:
        app.close()


class Way:
    """A bank whose way to the server leads through a proxy."""

    def __init__(self, shop: Shop, proxy: EdgeProxy) -> None:
        self.shop, self.proxy = shop, proxy

    def post(self, key):
        return self.shop.http.post(
            f"{self.shop.url('bank')}/transfers", json=TRANSFER, headers={"Idempotency-Key": key}
        )

    def posts(self, name, count):
        """Status and kind of as many answers, asked for at once."""
        answers = in_threads(lambda number: self.post(f"{name}-{number}"), count)
        return [(a.status_code, a.json().get("type", "").removeprefix("urn:storefront:problem:")) for a in answers]

    def ready(self):
        return self.shop.status("bank", "/health/ready")

    def live(self):
        return self.shop.status("bank", "/health/live")

    def transfers(self):
        return len(self.shop.get("bank", "/audit/transfers")["items"])


@pytest.fixture
def way(tmp_path):
    server = postgres_server()
    name = server.new_database()
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(ToxiproxyClient(stack.enter_context(EmbeddedToxiproxy(seed=1)).url))
        port = client.create("bank->postgres", "127.0.0.1:0", f"127.0.0.1:{server.port}").listen.rpartition(":")[2]
        shop = stack.enter_context(Shop(tmp_path, services=()))
        shop.start("bank", DATABASE_URL=server.url(name, int(port)))
        shop.await_ready("bank")
        yield Way(shop, EdgeProxy(client, "bank->postgres"))


def test_connections_that_were_reset_are_noticed_by_no_request(way):
    """The pool finds out before it hands one out, and makes new ones."""
    before = way.posts("before", 8)
    way.proxy.disable()
    way.proxy.enable()
    after = way.posts("after", 8)

    assert {*before, *after} == {(201, "")}


def test_server_that_resets_every_connection_is_503_and_is_used_again_afterwards(way):
    """Also for a transaction that was under way; the same keys then move the money once."""
    way.posts("warm", 8)
    way.proxy.add_toxic("reset_peer", name="reset", attributes={"timeout": 0})
    under = way.posts("key", 8)
    ready, live = way.ready(), way.live()
    way.proxy.remove_toxic("reset")
    after = way.posts("key", 8)

    assert set(under) == {(503, "database-unavailable")}
    assert (ready, live) == (503, 200)
    assert set(after) == {(201, "")}
    assert way.transfers() == 16


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_server_that_is_cut_off_holds_no_request_and_is_used_again_afterwards(way, stream):
    """More requests than there are connections, and no answer is ever coming: each is told so. Ten seconds would be an
    error of the client; in between, the service lives and is not ready."""
    way.posts("warm", 8)
    way.proxy.add_toxic("timeout", name="hole", stream=stream, attributes={"timeout": 0})
    under = way.posts("key", 24)
    ready, live = way.ready(), way.live()
    way.proxy.remove_toxic("hole")
    eventually(lambda: way.ready() == 200)
    after = way.posts("key", 24)

    assert set(under) <= {(503, "database-unavailable"), (503, "overloaded")}
    assert (ready, live) == (503, 200)
    assert set(after) == {(201, "")}
    assert way.transfers() == 32


def test_server_that_is_started_again_is_used_again(way):
    """Meanwhile 503; afterwards no request meets a connection of before."""
    server = postgres_server()
    way.posts("warm", 8)
    server.halt()
    try:
        under, ready, live = way.posts("key", 8), way.ready(), way.live()
    finally:
        server.resume()
    after = way.posts("key", 8)

    assert set(under) == {(503, "database-unavailable")}
    assert (ready, live) == (503, 200)
    assert set(after) == {(201, "")}


def test_server_that_comes_later_than_its_client_is_waited_for(tmp_path):
    """A system's parts are started all at once."""
    server = postgres_server()
    name = server.new_database()
    server.halt()
    try:
        with Shop(tmp_path, services=()) as shop:
            shop.start("bank", DATABASE_URL=server.url(name))
            eventually(lambda: "database not there yet" in shop.log("bank").read_text())
            server.resume()
            shop.await_ready("bank")
            assert shop.status("bank", "/health/ready") == 200
    finally:
        if server.process is None:
            server.resume()


def test_canary_is_answered_by_a_server_and_logs_in_nowhere():
    """What the harness asks on an edge with `protocol: postgresql`, asked of a real server."""
    server = postgres_server()
    seen = sing(Address("127.0.0.1", server.port), Postgresql(), Song())

    assert (seen.outcome, seen.received) == ("answered", 1)


def test_server_s_limits_are_set_on_each_connection(database):
    """A statement that waits for a lock ends, and so does a transaction whose client is cut off: it holds locks."""
    with database.view() as connection:
        limits = [
            connection.scalar(text(f"SHOW {name}"))
            for name in ("statement_timeout", "idle_in_transaction_session_timeout", "transaction_isolation")
        ]

    assert limits == ["1500ms", "3s", "repeatable read"]


def test_url_s_own_options_are_left_alone(url):
    """Whoever gives some means them."""
    database = Database(f"{url}?options=-c%20statement_timeout%3D7s", Base.metadata)
    with database.view() as connection:
        limit = connection.scalar(text("SHOW statement_timeout"))
    database.close()

    assert limit == "7s"


def test_whoever_comes_after_a_wait_in_vain_does_not_wait(url):
    """For a while; then it is tried again."""
    clock = ManualClock()
    reach = Reach(clock)
    reach.check()
    reach.lost()

    with pytest.raises(postgresql.psycopg.OperationalError, match="did not answer a moment ago"):
        reach.check()
    clock.now += postgresql.REST
    assert reach.check() is None


def test_lock_that_is_not_given_free_ends_the_wait_for_it(database):
    """503 for the client: the statement is given up, and its connection is still good."""
    with database.write() as holder:
        holder.execute(text("LOCK TABLE transfers"))
        with pytest.raises(Exception, match="statement timeout") as failed, database.write() as other:
            other.execute(insert(table_of(Transfer)), _row("one"))

    assert not failed.value.connection_invalidated
    assert database.add(Transfer(**_row("two")))


def _row(name):
    return {"id": name, "kind": "payment", "status": "accepted", "amount_cents": 1, "reference": "r", "created_at": 1.0}


def _waits_for_a_lock(database):
    with database.view() as connection:
        return connection.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )


def test_page_of_a_listing_misses_nothing_that_is_being_written(database, make):
    """A row with a lower number can be seen later than one with a higher: a cursor beyond it would never show it."""
    client, listed = make(bank, BankSettings), []
    reader = threading.Thread(target=lambda: listed.append(client.get("/audit/transfers?limit=2").json))
    with database.write() as slow:
        slow.execute(insert(table_of(Transfer)), _row("first"))
        database.add(Transfer(**_row("second")))
        reader.start()
        eventually(lambda: _waits_for_a_lock(database))
    reader.join()

    assert [row["id"] for row in listed[0]["items"]] == ["first", "second"]
    assert listed[0]["next"] == 2


class Interrupted:
    """A connection behind whose first statement something else happens."""

    def __init__(self, connection, happens):
        self._connection, self._happens = connection, [happens]

    def execute(self, *words):
        result = self._connection.execute(*words)
        if self._happens:
            self._happens.pop()()
        return result


@pytest.mark.parametrize("claiming", ["begin", "settle"])
def test_key_that_is_given_free_between_two_looks_is_claimed(database, claiming):
    """It was taken when the claim was tried, and gone when its answer was looked up."""
    keys = IdempotencyStore(KEYS, IdempotencySettings(), ManualClock())
    claim = Claim(scope="s", key="k", fingerprint="f")
    with database.write() as connection:
        first = keys.begin(connection, claim)

    def abandon():
        with database.write() as other:
            keys.abandon(other, claim, first)

    with database.write() as connection:
        more = [Answer(201, b"{}")] if claiming == "settle" else []
        second = getattr(keys, claiming)(Interrupted(connection, abandon), claim, *more)

    assert second == New(1)


def test_several_instances_make_and_fill_one_new_database_together(url):
    """Tables once, catalogue once, whoever was first."""

    def open_(_):
        inventory.create_app(InventorySettings(database_url=url)).close()

    in_threads(open_, 6)
    database = Database(url, Base.metadata)
    with database.view() as connection:
        products = connection.scalar(text("SELECT count(*) FROM products"))
    database.close()

    assert products == len(CATALOGUE)


def test_reservations_and_releases_of_one_name_at_once_leave_nothing_held(make):
    """Both come in any order, also between two statements of each other; none is an error of the service."""
    app = make(inventory, InventorySettings).application

    def one(number):  # four for each name
        client, name = app.test_client(), f"r-{number // 4}"
        if number % 2:
            return client.delete(f"/reservations/{name}").status_code
        return client.put(f"/reservations/{name}", json={"sku": "MUG-01", "quantity": 1}).status_code

    # As many as are let in at once.
    statuses = [status for first in range(0, 80, 8) for status in in_threads(lambda n: one(first + n), 8)]  # noqa: B023
    stock = {row["sku"]: (row["initial"] - row["available"], row["held"]) for row in stock_of(app)}

    assert set(statuses[::2]) <= {200, 410}
    assert set(statuses[1::2]) == {204}
    assert stock["MUG-01"] == (0, 0)


def stock_of(app):
    return app.test_client().get("/audit/stock").json["items"]


@pytest.mark.parametrize("path", ["/transfers/%00", "/transfers/a%00b", "/audit/transfers?after=9007199254740992"])
def test_what_postgresql_has_no_value_for_is_found_nowhere(make, path):
    """As with any other name and number that is not there."""
    answer = make(bank, BankSettings).get(path)

    assert (answer.status_code, answer.json.get("items", [])) in [(404, []), (200, [])]


def test_password_in_the_url_is_in_no_message(url, tmp_path):
    """Also when the server cannot be reached at all."""
    secret = make_url(url).set(port=1, password="s3cr3t").render_as_string(hide_password=False)
    with pytest.raises(Exception, match="refused") as failed:
        postgresql.make_engine(make_url(secret)).connect()

    assert "s3cr3t" not in f"{failed.value!r} {failed.value}"
