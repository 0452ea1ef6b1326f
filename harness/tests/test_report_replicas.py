"""Reports of a system in which a service has several instances."""

import pytest
from stored_runs import store, story

from windtunnel.report.matrix import matrix_of, row_of, rows_of
from windtunnel.report.page.map import system_map
from windtunnel.report.stored import read_run


@pytest.mark.parametrize(
    ("target", "row"),
    [
        ("stock", "stock"),
        ("stock#2", "stock (one instance)"),
        ("orders->stock", "orders->stock"),
        ("orders->stock#1", "orders->stock (one instance)"),
        ("orders#1->stock#2", "orders->stock (one instance)"),
    ],
)
def test_instances_of_a_service_share_a_row(target, row):
    """They are alike: to have tried one is to have tried any."""
    assert row_of(target) == row


def test_there_is_a_row_for_the_loss_of_one_instance():
    """Also where nobody has tried it; the client meets one instance only, so its edge has no second row."""
    edges = ["client->stock", "orders->stock", "orders->users"]

    assert rows_of(["orders", "stock"], {"stock": 2}) == ["orders", "stock", "stock (one instance)"]
    assert rows_of(edges, {"stock": 2}) == [
        "client->stock",
        "orders->stock",
        "orders->stock (one instance)",
        "orders->users",
    ]


def test_matrix_counts_the_loss_of_one_instance_apart(tmp_path):
    """It is another question than the loss of all."""
    document = read_run(store(tmp_path, story())).document
    before = len(matrix_of(document).cells)
    document["system"]["replicas"] = {"payments": 2}
    rows = {cell.target for cell in matrix_of(document).cells}

    assert {"payments", "payments (one instance)", "orders->payments (one instance)"} <= rows
    assert len(matrix_of(document).cells) > before


def drawn(*broken):
    edges = {"client->stock": "hard", "orders->stock": "hard"}
    return str(system_map(["orders", "stock"], edges, set(broken), {"stock": 2}))


def test_drawing_shows_each_instance():
    """With its own edges."""
    assert "stock#1" in drawn()
    assert "orders-&gt;stock#2" in drawn()
    assert "client-&gt;stock#2" not in drawn()


def test_drawing_marks_what_was_broken_and_nothing_else():
    """A whole service is all its instances."""
    assert "✕ stock#2" in drawn("stock#2")
    assert "✕ stock#1" not in drawn("stock#2")
    assert "✕ stock#1" in drawn("stock")
    assert "✕ stock#2" in drawn("stock")
