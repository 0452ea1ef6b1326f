"""What the consumers' tests share: drafts that are kept, and the clients as the services wire them."""

import os
from pathlib import Path

import pact_clients
import pytest

from windtunnel.contracts.pact_consumer import Drafts


@pytest.fixture
def drafts(tmp_path):
    """Where interactions are drafted; regenerate.py says where they are kept."""
    return Drafts(Path(os.environ.get("PACT_DRAFTS") or tmp_path / "drafts"))


@pytest.fixture
def orders(tmp_path):
    """Makes the parts of the orders service, with its peers where they are told to be."""
    made = []

    def make(**urls):
        made.append(pact_clients.orders_parts(tmp_path, **urls))
        return made[-1]

    yield make
    for parts in made:
        pact_clients.close(parts)


@pytest.fixture
def payments(tmp_path):
    """Makes the movements of the payments service, with the bank where it is told to be."""
    made = []

    def make(bank_url):
        made.append(pact_clients.payments_movements(tmp_path, bank_url))
        return made[-1][0]

    yield make
    for _, database, bank in made:
        bank.close()
        database.close()
