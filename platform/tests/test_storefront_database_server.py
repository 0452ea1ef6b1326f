"""`python -m storefront.postgres`: the databases' server as a process of a run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from postgres_server import postgres_server
from storefront_shop import eventually

from storefront.postgres import server as module
from storefront.postgres.server import DATABASES, MissingError
from windtunnel.stack.ports import reserve_port
from windtunnel.topology import read_topology

PLATFORM = Path(__file__).parents[1]
PASSWORD = "a-password-of-some-length"


@pytest.fixture
def start(tmp_path):
    """Starts it on one folder and port; ends it by SIGTERM."""
    postgres_server()  # or skip
    reserved, processes = reserve_port(), []

    def start():
        env = {**os.environ, "PORT": str(reserved.port), "POSTGRES_USER": "u", "POSTGRES_PASSWORD": PASSWORD}
        command = [sys.executable, "-m", "storefront.postgres", str(tmp_path)]
        processes.append(subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL))
        eventually(lambda: _answers(reserved.port), within=60)
        return processes[-1], reserved.port

    yield start
    for process in processes:
        process.terminate()
        process.wait(30)
    reserved.release()


def _connect(port, database="orders", password=PASSWORD):
    where = {"host": "127.0.0.1", "port": port, "dbname": database, "user": "u", "password": password}
    return psycopg.connect(**where, autocommit=True)


def _answers(port):
    try:
        _connect(port).close()
    except psycopg.OperationalError:
        return False
    return True


def test_each_service_has_a_database_and_nobody_gets_in_without_the_password(start):
    """The server asks for it on every connection."""
    _, port = start()
    for name in DATABASES:
        _connect(port, name).close()

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _connect(port, password="another one")


def test_server_that_was_killed_comes_back_with_what_was_committed(start):
    """On the same data: a crash loses nothing, whatever was under way."""
    process, port = start()
    with _connect(port) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    process.kill()
    process.wait()
    _, port = start()
    with _connect(port) as connection:
        found = connection.execute("SELECT number FROM kept").fetchall()

    assert found == [(7,)]


def test_machine_without_postgresql_is_told_what_is_missing(tmp_path, monkeypatch):
    """And how to get it."""
    monkeypatch.setattr(module, "_INSTALLED", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MissingError, match=r"no PostgreSQL server is installed .*apt-get install postgresql"):
        module.Server(tmp_path, port=1, user="u", password=PASSWORD)


def test_container_and_process_make_the_same_databases():
    """Each service's own, on either backend."""
    made = (PLATFORM / "postgres" / "databases.sql").read_text(encoding="utf-8")
    other = read_topology(PLATFORM / "topology-postgres.yaml", {})
    named = {edge.via_url.rpartition("/")[2] for edge in other.edges if edge.target == "postgres"}

    assert named == set(DATABASES) == set(re.findall(r"CREATE DATABASE (\w+);", made))
