"""Ports are free, stay free, and belong to one run."""

import random
import socket
import subprocess
import sys

import pytest

from windtunnel.errors import PortTakenError
from windtunnel.stack.ports import ephemeral_range, holder, reserve_fixed_port, reserve_port


@pytest.fixture
def port():
    reservation = reserve_port()
    yield reservation.port
    reservation.release()


def test_reserved_port_is_outside_the_kernel_s_own_range(port):
    """No outgoing connection can take it while its service is down."""
    first, last = ephemeral_range()

    assert not first <= port <= last


def test_reserved_port_can_be_bound(port):
    """The reservation itself does not stand in the service's way."""
    with socket.create_server(("127.0.0.1", port)) as server:
        assert server.getsockname()[1] == port


def test_two_reservations_are_two_ports():
    """The same start of the search, and nothing listens yet: the mark alone tells them apart."""
    first, second = (reserve_port(rng=random.Random(1)) for _ in range(2))

    try:
        assert first.port != second.port
    finally:
        first.release()
        second.release()


def test_released_port_can_be_reserved_again():
    """Nothing of a reservation stays."""
    first = reserve_port(rng=random.Random(2))
    first.release()
    first.release()
    second = reserve_port(rng=random.Random(2))
    second.release()

    assert second.port == first.port


def test_port_on_which_somebody_listens_is_passed_over():
    """Other programs know nothing of our marks."""
    free = reserve_port(rng=random.Random(3))
    free.release()
    with socket.create_server(("127.0.0.1", free.port)):
        other = reserve_port(rng=random.Random(3))
        other.release()

    assert other.port != free.port


def test_reservation_vanishes_with_its_process(port):
    """A run that was killed leaves no port reserved."""
    code = (
        "import random, os; from windtunnel.stack.ports import reserve_port;"
        "print(reserve_port(rng=random.Random(4)).port, flush=True); os._exit(9)"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    mine = reserve_port(rng=random.Random(4))
    mine.release()

    assert mine.port == int(other.stdout)


def test_reservation_of_another_process_is_respected(port):
    """Parallel workers never share a port."""
    code = f"from windtunnel.stack.ports import reserve_fixed_port; reserve_fixed_port({port}, wanted_by='orders')"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert f"port {port} of orders is taken by another run of windtunnel" in other.stderr


def test_taken_fixed_port_names_who_has_it():
    """The message says whom to end, and how to do without the number."""
    free = reserve_port()
    free.release()
    with socket.create_server(("0.0.0.0", free.port)), pytest.raises(PortTakenError) as caught:
        reserve_fixed_port(free.port, wanted_by="orders")

    assert f"port {free.port} of orders is taken by process" in str(caught.value)
    assert "leave the number out" in str(caught.value)


def test_holder_of_a_free_port_cannot_be_seen(port):
    """No guess is made."""
    assert holder(port) == "a process that cannot be seen from here"
