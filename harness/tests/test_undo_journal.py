"""The journal knows what may be in effect, and can take it back from another process."""

import http.server
import os
import signal
import subprocess
import sys
import threading

import pytest

from windtunnel.faults.base import UndoRecord
from windtunnel.undo.journal import Journal, play
from windtunnel.undo.operations import OPERATIONS, UndoError, remove_tree
from windtunnel.undo.processes import look, seconds


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "undo.jsonl")


@pytest.fixture
def sleeper():
    """A process that leads a group of its own."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


class Toxiproxy(http.server.BaseHTTPRequestHandler):
    """Notes what it is asked to do, and answers as the path says."""

    def _answer(self):
        self.server.asked.append(f"{self.command} {self.path}")
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(404 if "gone" in self.path else 500 if "bad" in self.path else 204)
        self.end_headers()

    do_DELETE = do_POST = _answer  # noqa: N815 - http.server's names

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.HTTPServer(("127.0.0.1", 0), Toxiproxy) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def removal(server, toxic="slow"):
    data = {"api": f"http://127.0.0.1:{server.server_address[1]}", "proxy": "orders->payments", "toxic": toxic}
    return UndoRecord(op="toxic_remove", data=data)


def group_of(process, op="kill_group", later=0.0):
    return UndoRecord(op=op, data={"pid": process.pid, "started": seconds(look(process.pid).start) + later})


def tree(path):
    return UndoRecord(op="remove_tree", data={"path": str(path)})


def test_planned_act_is_pending_for_every_reader(journal):
    """It is on disk when `plan` returns."""
    journal.plan(tree("/x"))

    assert [p.op for p in Journal(journal.path).pending()] == ["remove_tree"]


def test_latest_act_is_taken_back_first(journal):
    """Like putting on shoes after socks."""
    for path in "abc":
        journal.plan(tree(path))

    assert [p.data["path"] for p in journal.pending()] == ["c", "b", "a"]


def test_done_act_is_not_pending(journal):
    """Nothing is undone twice for no reason."""
    first, second = journal.plan(tree("a")), journal.plan(tree("b"))
    journal.done(first)

    assert [p.id for p in journal.pending()] == [second]


def test_torn_last_line_is_no_act(journal):
    """The run died while it was writing, so before it acted."""
    journal.plan(tree("a"))
    with journal.path.open("a") as file:
        file.write('{"id": "2", "op": "remo')

    assert [p.id for p in journal.pending()] == ["1"]


def test_unknown_operation_cannot_be_planned(journal):
    """What nobody can play must not be begun."""
    with pytest.raises(ValueError, match="unknown undo operation 'pray'"):
        journal.plan(UndoRecord(op="pray", data={}))


def test_played_journal_has_nothing_pending(journal, tmp_path):
    """Playing it again does nothing."""
    (tmp_path / "db").mkdir()
    journal.plan(tree(tmp_path / "db"))

    assert len(play(journal, tmp_path)) == 1
    assert play(journal, tmp_path) == []
    assert not (tmp_path / "db").exists()


def test_failure_of_one_act_leaves_the_others_undone_nonetheless(journal, tmp_path):
    """Every act is tried; the failed one stays pending."""
    (tmp_path / "db").touch()
    journal.plan(tree(tmp_path / "db"))
    outside = journal.plan(tree("/usr"))
    told = play(journal, tmp_path)

    assert [line.startswith("failed:") for line in told] == [True, False]
    assert [p.id for p in journal.pending()] == [outside]


@pytest.mark.parametrize("path", ["/etc", "..", "../other"])
def test_nothing_outside_the_run_s_directory_is_removed(tmp_path, path):
    """A wrong path in a journal must not cost anybody a home folder."""
    with pytest.raises(UndoError, match="outside the run's directory"):
        remove_tree({"path": str(tmp_path / path)}, tmp_path)


def test_link_is_not_followed_out_of_the_run_s_directory(tmp_path):
    """A service may have made one."""
    inside, outside = tmp_path / "run", tmp_path / "precious"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    with pytest.raises(UndoError):
        remove_tree({"path": str(inside / "link" / "x")}, inside)
    remove_tree({"path": str(inside)}, inside)

    assert outside.exists()


def test_group_is_killed(journal, tmp_path, sleeper):
    """By pid and start time."""
    journal.plan(group_of(sleeper))
    play(journal, tmp_path)

    assert sleeper.wait(5) == -signal.SIGKILL


def test_reused_pid_is_never_hit(journal, tmp_path, sleeper):
    """Same number, other start time: somebody else."""
    journal.plan(group_of(sleeper, later=1.0))
    play(journal, tmp_path)

    assert sleeper.poll() is None
    assert look(sleeper.pid).state not in "ZX"


def test_paused_group_is_resumed(journal, tmp_path, sleeper):
    """A service of somebody else's that a run has frozen goes on."""
    journal.plan(group_of(sleeper, "resume_group"))
    os.killpg(sleeper.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, sleeper.pid, os.WSTOPPED | os.WNOWAIT)
    play(journal, tmp_path)
    os.waitid(os.P_PID, sleeper.pid, os.WCONTINUED | os.WNOWAIT)

    assert not look(sleeper.pid).stopped


def test_toxic_is_removed_by_name(journal, tmp_path, server):
    """The edge's name is written as a URL must have it."""
    journal.plan(removal(server))

    assert play(journal, tmp_path)[0].startswith("toxic_remove")
    assert server.asked == ["DELETE /proxies/orders-%3Epayments/toxics/slow"]


def test_toxic_that_is_gone_needs_no_removal(journal, tmp_path, server):
    """404 is what was wanted."""
    journal.plan(removal(server, "gone"))

    assert not play(journal, tmp_path)[0].startswith("failed:")


def test_server_that_refuses_leaves_the_act_pending(journal, tmp_path, server):
    """It may still be in effect."""
    journal.plan(removal(server, "bad"))

    assert play(journal, tmp_path)[0].startswith("failed:")
    assert len(journal.pending()) == 1


def test_server_that_is_gone_took_its_toxics_with_it(journal, tmp_path, server):
    """Nobody is left to ask."""
    journal.plan(removal(server))
    server.shutdown()
    server.server_close()

    assert not play(journal, tmp_path)[0].startswith("failed:")


def test_server_that_died_with_the_run_is_not_asked(journal, tmp_path, server):
    """Its port may be another run's by now, with a proxy of the same name."""
    journal.dies_with_run(removal(server).data["api"])
    journal.plan(removal(server))
    play(journal, tmp_path)

    assert server.asked == []
    assert journal.pending() == ()


def test_every_operation_says_what_it_does():
    """The table is the reference."""
    assert all(operation.__doc__ for operation in OPERATIONS.values())
