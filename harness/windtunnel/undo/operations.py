"""What the journal can take back: one function each, each can be run twice, each can be run by another process.

Every function takes the record's data and the run's directory, and raises `UndoError` when the state that it was to
bring about could not be brought about. What is gone already needs no undoing and is no error.

Standard library only: the reaper imports this.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from windtunnel.undo.processes import send_group, ticks

Data = Mapping[str, str | int | float]
Operation = Callable[[Data, Path], None]


class UndoError(Exception):
    """An act could not be taken back."""


def kill_group(data: Data, directory: Path) -> None:
    """End a process group. Data: `pid` of its leader, and when that `started`, as `ServiceState` has it."""
    send_group(int(data["pid"]), ticks(float(data["started"])), signal.SIGKILL)


def resume_group(data: Data, directory: Path) -> None:
    """Let a paused process group run again. Data: as for `kill_group`."""
    send_group(int(data["pid"]), ticks(float(data["started"])), signal.SIGCONT)


def remove_tree(data: Data, directory: Path) -> None:
    """Remove a file or a folder. Data: `path`, which must lie within the run's own directory."""
    from shutil import rmtree

    path, root = Path(str(data["path"])).resolve(), directory.resolve()
    if path != root and root not in path.parents:
        raise UndoError(f"{path} is not removed: it lies outside the run's directory {root}")
    if path.is_dir():
        rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    if path.exists():
        raise UndoError(f"{path} could not be removed")


def toxic_remove(data: Data, directory: Path) -> None:
    """Remove a toxic. Data: `api` (URL of the Toxiproxy), `proxy` and `toxic` (names)."""
    _call(data, "DELETE", f"/toxics/{_quoted(data['toxic'])}", None, allowed=(204, 404))


def proxy_enable(data: Data, directory: Path) -> None:
    """Let a proxy accept connections again. Data: `api` (URL of the Toxiproxy), `proxy` (name)."""
    _call(data, "POST", "", b'{"enabled": true}', allowed=(200, 404))


def containers_remove(data: Data, directory: Path) -> None:
    """Remove everything that a run has in an engine. Data: `engine` (its URL), `run` (id)."""
    from windtunnel.undo.containers import remove_all
    from windtunnel.undo.engine import Engine, EngineError

    try:
        remove_all(Engine(str(data["engine"])), str(data["run"]))
    except EngineError as error:
        raise UndoError(str(error)) from error


def container_unpause(data: Data, directory: Path) -> None:
    """Let a paused container run again. Data: `engine` (its URL), `container` (id or name)."""
    from windtunnel.undo.engine import Engine, EngineError

    try:
        Engine(str(data["engine"])).unpause(str(data["container"]))
    except EngineError as error:
        raise UndoError(str(error)) from error


def _quoted(name: object) -> str:
    from urllib.parse import quote

    return quote(str(name), safe="")


def _call(data: Data, method: str, path: str, body: bytes | None, *, allowed: tuple[int, ...]) -> None:
    """One request about a proxy. A server that is no longer there has taken its proxies with it."""
    from http.client import HTTPConnection, HTTPException, HTTPSConnection
    from urllib.parse import urlsplit

    from windtunnel.api_url import authorization, without_credentials

    url, shown = urlsplit(str(data["api"])), without_credentials(str(data["api"]))
    secure = url.scheme == "https"
    connection = (HTTPSConnection if secure else HTTPConnection)(url.hostname or "", url.port, timeout=5.0)
    target = f"{url.path.rstrip('/')}/proxies/{_quoted(data['proxy'])}{path}"
    try:
        connection.request(method, target, body, headers=authorization(str(data["api"])))
        status = connection.getresponse().status
    except ConnectionRefusedError:
        return
    except (OSError, HTTPException) as error:
        raise UndoError(f"{method} for proxy {data['proxy']} at {shown}: {error!r}") from error
    finally:
        connection.close()
    if status not in allowed:
        raise UndoError(f"{method} for proxy {data['proxy']} at {shown}: status {status}")


OPERATIONS: Mapping[str, Operation] = {
    "container_unpause": container_unpause,
    "containers_remove": containers_remove,
    "kill_group": kill_group,
    "proxy_enable": proxy_enable,
    "remove_tree": remove_tree,
    "resume_group": resume_group,
    "toxic_remove": toxic_remove,
}
"""By the name that an `UndoRecord` has as its `op`."""

REMOTE = frozenset({"proxy_enable", "toxic_remove"})
"""Those that speak to the server which `api` names."""
