"""A service's database file, opened by two instances of the service at the same moment."""

import subprocess
import sys

import pytest

from storefront.inventory.models import CATALOGUE, Base, Product, seed
from storefront.shared.base_settings import base_arguments
from storefront.shared.database import Database
from storefront.shared.environment import Environment, SettingsError

ROUNDS = 20
OPENER = """
import sys
from storefront.inventory.models import Base, seed
from storefront.shared.database import Database

print("up", flush=True)
for line in sys.stdin:
    try:
        database = Database(f"sqlite:///{line.strip()}", Base.metadata)
        seed(database, 5)
        database.close()
        print("opened", flush=True)
    except Exception as error:
        print(repr(error).splitlines()[0], flush=True)
"""


@pytest.fixture
def openers():
    """Processes that open a file when its name is written to them."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for _ in range(2)
    ]
    for process in processes:
        process.stdout.readline()
    yield processes
    for process in processes:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def test_two_instances_make_and_fill_one_new_file_together(tmp_path, openers):
    """Both come up, whoever was first, and the catalogue is in once."""
    told = []
    for number in range(ROUNDS):
        for process in openers:
            process.stdin.write(f"{tmp_path}/{number}.db\n")
        told += [process.stdout.readline().strip() for process in openers]
    counts = set()
    for number in range(ROUNDS):
        database = Database(f"sqlite:///{tmp_path}/{number}.db", Base.metadata)
        with database.read() as session:
            counts.add(session.query(Product).count())
        database.close()

    assert told == ["opened"] * 2 * ROUNDS
    assert counts == {len(CATALOGUE)}


def test_file_that_is_open_elsewhere_is_opened_too(tmp_path):
    """An instance that starts again finds the other one at work."""
    first = Database(f"sqlite:///{tmp_path}/one.db", Base.metadata)
    seed(first, 5)
    second = Database(f"sqlite:///{tmp_path}/one.db", Base.metadata)
    seed(second, 9)
    with second.read() as session:
        stock = {row.initial for row in session.query(Product)}
    first.close()
    second.close()

    assert stock == {5}


@pytest.mark.parametrize(
    ("value", "urls"),
    [
        ("http://a:1", ("http://a:1",)),
        ("http://a:1,http://b:2/", ("http://a:1", "http://b:2")),
        (" http://a:1 , http://b:2,", ("http://a:1", "http://b:2")),
    ],
)
def test_address_of_a_service_may_be_several(value, urls):
    """One for each instance, with commas between them."""
    assert Environment({"PEER_URL": value}).urls("PEER_URL", scheme="http") == urls


@pytest.mark.parametrize("value", [",", "http://a:1,b:2", "http://a:1,ftp://b:2"])
def test_address_that_is_none_is_refused_among_several(value):
    """By the variable's name."""
    with pytest.raises(SettingsError, match=r"PEER_URL is .*http://host:port is needed"):
        Environment({"PEER_URL": value}).urls("PEER_URL", scheme="http")


@pytest.mark.parametrize(("query", "level"), [("", 1), ("?synchronous=off", 0), ("?synchronous=full", 2)])
def test_address_says_what_a_commit_waits_for(tmp_path, query, level):
    """SQLite's pragma: 0 for nothing, 1 for what its log needs, 2 for every commit."""
    database = Database(f"sqlite:///{tmp_path}/file.db{query}", Base.metadata)
    with database.read() as session:
        found = session.connection().exec_driver_sql("PRAGMA synchronous").scalar_one()
    database.close()

    assert found == level
    assert (tmp_path / "file.db").exists()


def test_other_words_for_it_are_refused(tmp_path):
    """With those that are known."""
    env = Environment({"DATABASE_URL": f"sqlite:///{tmp_path}/file.db?synchronous=of"})

    with pytest.raises(SettingsError, match="DATABASE_URL: synchronous is one of off, normal, full, extra"):
        base_arguments(env, "users")
