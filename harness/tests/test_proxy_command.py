"""`windtunnel proxy`: Toxiproxy's flags, one clear line for a mistake, a clean end; and its use from Python."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest
from proxy_wires import PATIENCE

from windtunnel.cli import main
from windtunnel.proxy import VERSION, EmbeddedToxiproxy
from windtunnel.toxiproxy import ToxiproxyClient


def start(*arguments):
    """The command in a process of its own, and the line it says when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "windtunnel", "proxy", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_serves_until_it_is_interrupted(number, tmp_path):
    """With what the file says, on the port that it names; then it ends with 0 and no word on stderr."""
    config = tmp_path / "proxies.json"
    config.write_text(json.dumps([{"name": "a", "upstream": "u:1", "listen": "127.0.0.1:0"}]))
    process, line = start("-host", "127.0.0.1", "-port=0", "-config", str(config), "-seed", "42")
    url = re.search(r"http://[\d.:]+", line)[0]
    with ToxiproxyClient(url) as client:
        names, version = list(client.proxies()), client.version()
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)

    assert (names, version) == (["a"], VERSION)
    assert line.strip() == f"windtunnel proxy {VERSION}: listening on {url}, seed 42"
    assert (process.returncode, out, err) == (0, "windtunnel proxy: ended\n", "")


def test_seed_that_is_not_given_is_told():
    """So that the run can be repeated."""
    process, line = start("--port", "0")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)

    assert re.search(r"listening on http://127\.0\.0\.1:\d+, seed \d+$", line)


def test_port_that_is_taken_is_one_line_that_helps(capsys):
    """Exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code = main(["proxy", "--host", "127.0.0.1", "--port", str(port)])

    assert code == 2
    assert capsys.readouterr().err == (
        f"windtunnel: the control API cannot listen on 127.0.0.1:{port}: listen tcp 127.0.0.1:{port}: bind: "
        "address already in use; choose another with -host and -port (-port 0: any free one)\n"
    )


def test_bad_file_is_one_line_with_its_place(capsys, tmp_path):
    """Exit code 2."""
    path = tmp_path / "proxies.json"
    path.write_text('[\n{"name": "a"}]')
    code = main(["proxy", "-port", "0", "-config", str(path)])

    assert (code, capsys.readouterr().err) == (
        2,
        f"windtunnel: {path}:2: missing required field: upstream at proxy 1\n",
    )


@pytest.mark.parametrize("port", ["eighty", "65536", "-1", "8_474"])
def test_port_that_is_none_is_refused(capsys, port):
    """By the parser, with what would be right."""
    with pytest.raises(SystemExit) as ended:
        main(["proxy", f"--port={port}"])

    assert ended.value.code == 2
    assert f"'{port}' is not a port; write a number from 0 to 65535" in capsys.readouterr().err


def test_help_teaches_the_first_steps(capsys):
    """Flags, the two calls that matter, the file."""
    with pytest.raises(SystemExit):
        main(["proxy", "--help"])
    printed = capsys.readouterr().out

    for text in ("-host", "-port", "-config", "-seed", "/proxies/db/toxics", '"upstream"', "TOXICS.md"):
        assert text in printed


@pytest.mark.parametrize("flag", ["-version", "--version"])
def test_version_is_told_and_nothing_started(capsys, flag):
    """As Toxiproxy does."""
    code = main(["proxy", flag])

    assert (code, capsys.readouterr().out) == (0, f"windtunnel proxy {VERSION}\n")


def test_server_is_used_from_an_asyncio_program():
    """`async with`: the program's own loop goes on while the server starts and ends."""
    ticks = []

    async def tick():
        while True:
            ticks.append(None)
            await asyncio.sleep(0)

    async def program():
        ticking = asyncio.create_task(tick())
        async with EmbeddedToxiproxy() as server:
            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(b"GET /version HTTP/1.0\r\n\r\n")
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            during = len(ticks)
        ticking.cancel()
        return answer, during

    before = threading.active_count()
    answer, during = asyncio.run(program())

    assert VERSION.encode() in answer
    assert 1 < during < len(ticks)
    assert threading.active_count() <= before + 1  # asyncio.to_thread keeps a worker for as long as its loop lives


def test_several_servers_in_one_process_have_ports_and_proxies_of_their_own():
    """Ephemeral ports, never a fixed one."""
    with (
        EmbeddedToxiproxy() as one,
        EmbeddedToxiproxy() as two,
        ToxiproxyClient(one.url) as first,
        ToxiproxyClient(two.url) as second,
    ):
        first.create("a", "127.0.0.1:0", "u:1")

        assert one.port != two.port
        assert (list(first.proxies()), list(second.proxies())) == (["a"], [])
