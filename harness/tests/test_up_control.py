"""The channel between two terminals: who is found, who may speak, what a dead one leaves."""

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from windtunnel.errors import BadInputError, StackError
from windtunnel.standby.control import SOCKET, ControlServer, ask
from windtunnel.standby.find import all_standing, converse, find_standing, output_file
from windtunnel.undo.burial import OWNER, PREFIX, make_directory


def answer(question, caller):
    """Introduces itself, and repeats what it hears."""
    if question["ask"] == "who":
        caller.send(topology="tiny", since="12:00:00")
        return 0
    caller.say(f"heard {question['ask']}")
    return 3


@pytest.fixture
def up(tmp_path):
    """Makes a run's folder in which somebody listens."""
    servers = []

    def make(run_id, answer=answer):
        folder = tmp_path / f"{PREFIX}{run_id}"
        make_directory(folder)
        servers.append(ControlServer(folder, answer))
        return folder

    yield make
    for server in servers:
        server.close()


def dead(folder: Path):
    """Let its owner be a process that has ended."""
    owner = json.loads((folder / OWNER).read_text())
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    (folder / OWNER).write_text(json.dumps(owner | {"pid": ended.pid}))


def test_a_question_is_answered_line_by_line_and_ends_with_an_exit_code(up):
    """Each message as it comes."""
    assert list(ask(up("one"), {"ask": "list"})) == [{"say": "heard list"}, {"exit": 3}]


def test_only_the_owner_can_reach_the_socket(up):
    """Neither the folder nor the socket is anybody else's to open."""
    folder = up("one")

    assert stat.S_IMODE((folder / SOCKET).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_only_one_needs_no_name(up, tmp_path):
    """The usual case."""
    up("one")
    standing = find_standing(parent=tmp_path)

    assert (standing.run_id, standing.topology) == ("one", "tiny")


def test_of_two_one_is_chosen_by_the_beginning_of_its_id(up, tmp_path):
    """Without that, both are named."""
    up("06first")
    up("07second")
    with pytest.raises(BadInputError, match=r"--run ID: 06first \(tiny, since 12:00:00\); 07second \(tiny"):
        find_standing(parent=tmp_path)
    with pytest.raises(BadInputError, match=r"no system of the run '08' stands .* 06first"):
        find_standing("08", tmp_path)

    assert find_standing("07", tmp_path).run_id == "07second"


def test_without_any_it_is_said_how_to_start_one(tmp_path):
    """In one line."""
    with pytest.raises(BadInputError, match="start one with: windtunnel up"):
        find_standing(parent=tmp_path)


def test_the_socket_of_a_dead_one_is_removed_and_not_asked(up, tmp_path):
    """Its folder stays for the reaper, whose it is."""
    folder = up("one")
    dead(folder)

    assert all_standing(tmp_path) == []
    assert not (folder / SOCKET).exists()
    assert folder.exists()


def test_a_living_owner_that_does_not_listen_yet_is_passed_by(tmp_path, monkeypatch):
    """Its socket is there an instant before it listens, and is not removed."""
    folder = tmp_path / f"{PREFIX}one"
    make_directory(folder)
    with socket.socket(socket.AF_UNIX) as bound:
        monkeypatch.chdir(folder)
        bound.bind(SOCKET)

        assert all_standing(tmp_path) == []
        assert (folder / SOCKET).exists()


def test_one_that_is_suspended_is_named(up, tmp_path, monkeypatch):
    """Rather than waited for: it would take for ever."""
    over = threading.Event()
    monkeypatch.setattr("windtunnel.standby.find.PATIENCE", 0.01)
    up("one", lambda question, caller: int(over.wait(5)))
    with pytest.raises(StackError, match=r"run one does not answer; if it is suspended \(Ctrl-Z\)"):
        find_standing(parent=tmp_path)
    over.set()


def test_a_link_in_the_open_folder_is_not_followed(up, tmp_path):
    """Whoever may write to the temporary directory could lead us anywhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder = up("one")
    (elsewhere / f"{PREFIX}two").symlink_to(folder)

    assert all_standing(elsewhere) == []


def test_a_deep_folder_is_no_obstacle(tmp_path):
    """The address of a Unix socket has room for 107 bytes."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    with ControlServer(deep, answer):
        messages = list(ask(deep, {"ask": "list"}))

    assert messages[-1] == {"exit": 3}


def test_after_closing_nobody_is_heard_and_nothing_is_left(up):
    """A second close is harmless."""
    folder = up("one")
    server = ControlServer(folder.parent, answer)
    server.close()
    server.close()

    assert not (folder.parent / SOCKET).exists()
    with pytest.raises(OSError, match="No such file"):
        list(ask(folder.parent, {"ask": "list"}))


def test_what_is_wrong_is_raised_and_the_exit_code_is_returned(up, tmp_path, capsys):
    """`wrong` is an error of input; the rest is printed as it comes."""

    def decide(question, caller):
        if question["ask"] == "wrong":
            caller.send(wrong="no fault 7")
        return answer(question, caller)

    up("one", decide)
    standing = find_standing(parent=tmp_path)

    assert converse(standing, {"ask": "list"}) == 3
    assert capsys.readouterr().out == "heard list\n"
    with pytest.raises(BadInputError, match="no fault 7"):
        converse(standing, {"ask": "wrong"})


def test_one_that_ends_in_the_middle_is_no_success(up, tmp_path):
    """What happened is unknown."""

    def leave(question, caller):
        if question["ask"] == "who":
            return answer(question, caller)
        caller._wire.shutdown(socket.SHUT_RDWR)
        return 0

    up("one", leave)
    with pytest.raises(StackError, match="ended before it had answered"):
        converse(find_standing(parent=tmp_path), {"ask": "fault"})


@pytest.mark.parametrize("line", [b"", b"hello\n", b"[1]\n", b"[" * 70_000], ids=["nothing", "text", "list", "flood"])
def test_a_caller_that_talks_nonsense_does_no_harm(up, line, monkeypatch):
    """It is hung up on, and the next one is served."""
    folder = up("one")
    with socket.socket(socket.AF_UNIX) as wire:
        monkeypatch.chdir(folder)
        wire.connect(SOCKET)
        wire.sendall(line)
        wire.shutdown(socket.SHUT_WR)
        answered = b""
        with contextlib.suppress(ConnectionResetError):  # not all of it was read
            answered = wire.recv(100)

    assert answered == b""
    assert list(ask(folder, {"ask": "list"}))[-1] == {"exit": 3}


def test_a_caller_that_hangs_up_is_known_to_be_gone(up, monkeypatch):
    """While it listens it is not."""
    asked, left, seen = threading.Event(), threading.Event(), []

    def look(question, caller):
        seen.append(caller.gone)
        asked.set()
        left.wait(5)
        seen.append(caller.gone)
        asked.set()
        return 0

    folder = up("one", look)
    with socket.socket(socket.AF_UNIX) as wire:
        monkeypatch.chdir(folder)
        wire.connect(SOCKET)
        wire.sendall(b'{"ask": "list"}\n')
        asked.wait(5)
        asked.clear()
    left.set()
    asked.wait(5)

    assert seen == [False, True]


def test_the_file_that_the_output_goes_to_has_a_name(tmp_path):
    """A pipe and a terminal have none."""
    read, write = os.pipe()
    with (tmp_path / "payments").open("w") as file:
        named = output_file(file.fileno())
    unnamed = output_file(read)
    os.close(read)
    os.close(write)

    assert (named, unnamed) == ("payments", "")
