"""The life of a service's process: settings, port, graceful end, hard end."""

import os
import signal
import socket
import subprocess
import sys
import threading

import psutil
import pytest
from storefront_shop import JWT_KEY, Shop, eventually

from storefront.bank.settings import Settings as BankSettings
from storefront.notifications.settings import Settings as NotificationsSettings
from storefront.orders.settings import Settings as OrdersSettings
from storefront.payments.settings import Settings as PaymentsSettings
from storefront.shared.environment import Environment, SettingsError
from storefront.users.settings import Settings as UsersSettings

URLS = {f"{name}_URL": "http://127.0.0.1:1" for name in ("USERS", "INVENTORY", "PAYMENTS", "NOTIFICATIONS", "BANK")}
MISTAKES = {
    "port is no number": (BankSettings, {"PORT": "http"}, "PORT is 'http'; a whole number from 1 to 65535"),
    "port out of range": (BankSettings, {"PORT": "70000"}, "a whole number from 1 to 65535"),
    "unknown log level": (BankSettings, {"LOG_LEVEL": "loud"}, "known: debug, error, info, warning"),
    "no database folder": (BankSettings, {"DATABASE_URL": "sqlite:////no/such/x.db"}, "/no/such, which does not exist"),
    "database is no URL": (BankSettings, {"DATABASE_URL": "x.db"}, "DATABASE_URL is not a URL"),
    "unknown policy of the door": (
        BankSettings,
        {"POLICIES_OFF": "retry"},
        "known: inbound.deadline, inbound.limit, inbound.rate_limit",
    ),
    "no key": (UsersSettings, {}, "JWT_KEY is not set"),
    "short key": (UsersSettings, {"JWT_KEY": "too-short-key"}, "JWT_KEY has 13 characters; it needs at least 32"),
    "no address of a peer": (PaymentsSettings, {}, "BANK_URL is not set"),
    "address without scheme": (PaymentsSettings, {"BANK_URL": "bank:80"}, "BANK_URL is 'bank:80'; http://host:port"),
    "wrong scheme": (NotificationsSettings, {"SMTP_URL": "http://x:1"}, "smtp://host:port is needed"),
    "unknown policy": (
        OrdersSettings,
        {**URLS, "POLICIES_OFF": "outbox,retries"},
        "names 'retries'; known: charge_key,",
    ),
}


@pytest.mark.parametrize(("settings", "values", "message"), MISTAKES.values(), ids=MISTAKES)
def test_bad_setting_is_one_clear_line(settings, values, message):
    """It names the variable and what would be right, and never shows a key."""
    with pytest.raises(SettingsError) as error:
        settings.from_environment(Environment(values))

    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert "too-short-key" not in str(error.value)


def test_good_settings_are_read():
    """Every variable arrives in its field; a secret is not shown."""
    values = {"PORT": "81", "LOG_LEVEL": "debug", "JWT_KEY": JWT_KEY, "DATABASE_URL": "sqlite:////tmp/u.db"}
    settings = UsersSettings.from_environment(Environment(values))

    assert (settings.port, settings.log_level, settings.jwt_key) == (81, "debug", JWT_KEY)
    assert JWT_KEY not in repr(settings)


def test_bad_setting_ends_the_process_with_code_2():
    """One line on standard error, nothing else."""
    env = {**os.environ, "PORT": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "storefront.bank"], env=env, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stderr == "storefront.bank: PORT is '0'; a whole number from 1 to 65535 is needed\n"
    assert done.stdout == ""


def test_taken_port_ends_the_process_with_one_line(tmp_path):
    """Also where the other side shares its ports, as Granian does: half of the requests would be lost to it."""
    with Shop(tmp_path, services=()) as shop, socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", shop.ports["bank"]))
        other.listen()
        code = shop.start("bank").wait()
        said = shop.log("bank").read_text()

    assert code == 1
    assert said == (
        f"storefront.bank: cannot listen on 127.0.0.1:{shop.ports['bank']}: Address already in use; set HOST or PORT\n"
    )


@pytest.fixture
def black_hole():
    """A peer that takes connections and never answers. Tells when one was made."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize("group", [False, True], ids=["main process", "process group"])
def test_sigterm_lets_a_request_in_flight_finish(tmp_path, black_hole, group):
    """The client gets its whole answer, and the process ends with 0."""
    users = f"http://127.0.0.1:{black_hole.getsockname()[1]}"
    with Shop(tmp_path, services=("orders",), USERS_URL=users) as shop:
        answers = []
        ask = threading.Thread(target=lambda: answers.append(shop.http.get(f"{shop.url('orders')}/orders/x")))
        ask.start()
        with black_hole.accept()[0]:  # the request has reached the service, which now waits for its peer
            process = shop.processes["orders"]
            (os.killpg if group else os.kill)(process.pid, signal.SIGTERM)
            ask.join()
            code = process.wait()

    assert answers[0].status_code == 503
    assert answers[0].json()["type"] == "urn:storefront:problem:dependency-unavailable"
    assert code == 0


def test_killed_service_leaves_no_worker_and_its_port_can_be_used_at_once(tmp_path):
    """A worker without its main process would answer beside its successor, from the same port."""
    with Shop(tmp_path, services=("bank",)) as shop:
        process = shop.processes["bank"]
        (worker,) = psutil.Process(process.pid).children()
        process.kill()
        process.wait()
        shop.start("bank")
        shop.await_ready("bank")
        eventually(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)

        assert shop.status("bank", "/health/live") == 200
