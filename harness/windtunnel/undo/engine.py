"""The little of a container engine's API that finding, undoing and taking down need.

Standard library only: the reaper imports this, and so does every run that only wants to know whether an engine answers.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

DEFAULT_SOCKET = "/var/run/docker.sock"
TIMEOUT = 30.0
"""Seconds. Removing a container can take the engine some."""
RUN_LABEL = "windtunnel.run"
"""On everything that a run makes in an engine; its value is the run's id."""


class EngineError(Exception):
    """The engine refused, or did not answer. `status` is None when there was no answer."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


def engine_url(environ: Mapping[str, str] = os.environ) -> str:
    """Where the engine should answer: DOCKER_HOST, else a socket in one of the usual places."""
    if environ.get("DOCKER_HOST"):
        return environ["DOCKER_HOST"]
    places = [DEFAULT_SOCKET, f"{environ.get('XDG_RUNTIME_DIR', '')}/docker.sock"]
    return "unix://" + next((place for place in places if Path(place).exists()), DEFAULT_SOCKET)


class Engine:
    """Speaks to the engine at a `unix://` or `tcp://` URL; a connection for each call."""

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        self.url, self._timeout = url, timeout

    def call(self, method: str, path: str, *, allowed: tuple[int, ...] = (), **query: str) -> Any:
        """The answer's JSON, None without one. Raises `EngineError` unless the status is 2xx or one of `allowed`."""
        try:
            connection = self._connection()
            try:
                connection.request(method, f"{path}?{urlencode(query)}" if query else path)
                answer = connection.getresponse()
                body = answer.read()
            finally:
                connection.close()
        except (OSError, HTTPException, ValueError) as error:
            raise EngineError(f"no engine answers at {self.url}: {error}") from error
        if answer.status >= 300 and answer.status not in allowed:
            raise EngineError(f"{method} {path}: {answer.status} {_message(body)}", status=answer.status)
        try:
            return json.loads(body) if body else None
        except ValueError:
            return None

    def version(self) -> str:
        """Its own, with that of its API."""
        told = self.call("GET", "/version")
        return f"{told.get('Version')}, API {told.get('ApiVersion')}"

    def has_image(self, name: str) -> bool:
        """Whether the image is on the engine's machine."""
        try:
            self.call("GET", f"/images/{quote(name)}/json")
        except EngineError as error:
            if error.status == 404:
                return False
            raise
        return True

    def containers(self, run_id: str) -> list[str]:
        """Ids of the containers of a run, in whatever state."""
        found = self.call("GET", "/containers/json", all="1", filters=_of(run_id))
        return [entry["Id"] for entry in found]

    def networks(self, run_id: str) -> list[str]:
        """Ids of the networks of a run."""
        return [entry["Id"] for entry in self.call("GET", "/networks", filters=_of(run_id))]

    def volumes(self, run_id: str) -> list[str]:
        """Names of the volumes of a run."""
        found = self.call("GET", "/volumes", filters=_of(run_id))
        return [entry["Name"] for entry in found.get("Volumes") or []]

    def unpause(self, container: str) -> None:
        """Harmless when it is not paused, or gone."""
        self.call("POST", f"/containers/{container}/unpause", allowed=(404, 409, 500))

    def remove_container(self, container: str) -> None:
        """End it and remove it. Harmless when it is gone, or going."""
        self.call("DELETE", f"/containers/{container}", allowed=(404, 409), force="1", v="1")

    def remove_network(self, network: str) -> None:
        """Harmless when it is gone; 403 means that a container is still on it."""
        self.call("DELETE", f"/networks/{network}", allowed=(403, 404, 409))

    def remove_volume(self, volume: str) -> None:
        """Harmless when it is gone; 409 means that it is still in use."""
        self.call("DELETE", f"/volumes/{volume}", allowed=(404, 409))

    def _connection(self) -> HTTPConnection:
        url = urlsplit(self.url)
        if url.scheme == "unix":
            return _UnixConnection(url.path, self._timeout)
        if url.scheme not in ("tcp", "http", "https"):
            raise ValueError(f"{url.scheme}:// is not supported; use unix:// or tcp://")
        certificates = os.environ.get("DOCKER_CERT_PATH")
        if url.scheme == "https" or os.environ.get("DOCKER_TLS_VERIFY"):
            context = ssl.create_default_context(cafile=f"{certificates}/ca.pem" if certificates else None)
            if certificates:
                context.load_cert_chain(f"{certificates}/cert.pem", f"{certificates}/key.pem")
            return HTTPSConnection(url.hostname or "", url.port or 2376, timeout=self._timeout, context=context)
        return HTTPConnection(url.hostname or "", url.port or 2375, timeout=self._timeout)


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("engine", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _of(run_id: str) -> str:
    return json.dumps({"label": [f"{RUN_LABEL}={run_id}"]})


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")
