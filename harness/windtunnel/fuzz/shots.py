"""One request as it goes over the wire, and what came back; and the line that sends it again by hand."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import requests
from schemathesis import Case

from windtunnel.fuzz.operations import Operation

Kind = Literal["valid", "invalid", "boundary", "by hand", "found", "link", "replay"]
Expectation = Literal["", "success", "refused", "unauthorized", "not allowed"]
"""Beside what the document says: a 2xx; a 4xx; a 401 (or 403); a 405 with Allow."""
BORING: Final = frozenset(
    {"user-agent", "accept-encoding", "accept", "connection", "content-length", "x-schemathesis-testcaseid"}
)
SECRET: Final = frozenset({"authorization", "cookie", "x-api-key"})
LONGEST_BODY = 2000


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A request that is ready to go."""

    kind: Kind
    name: str
    """`invalid-3`, `broken JSON`."""
    case: Case[Any]
    prepared: requests.PreparedRequest
    expects: Expectation = ""
    statuses: frozenset[int] = frozenset()
    """What it must be answered with, one of these; empty: what the document says."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back. Without a response, `trouble` says what happened instead."""

    seconds: float
    response: requests.Response | None = None
    trouble: str = ""

    @property
    def status(self) -> int | None:
        return None if self.response is None else int(self.response.status_code)


class Gun:
    """Sends shots to one service, one after the other, on connections that it keeps."""

    def __init__(self, base_url: str, patience: float) -> None:
        self.base_url, self._patience = base_url, patience
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the machine must never get a loopback call

    def load(self, case: Case[Any], kind: Kind, name: str = "") -> Shot:
        """The case as bytes. Nothing of it changes afterwards, whatever a hook does."""
        case.meta  # noqa: B018 - what the owner put in is looked at now, and for the last time
        case.freeze_metadata()
        given = case.as_transport_kwargs(base_url=self.base_url)
        prepared = self._session.prepare_request(requests.Request(**given))
        return Shot(kind=kind, name=name or case.id, case=case, prepared=prepared)

    def fire(self, shot: Shot) -> Answer:
        """Send it and wait, no longer than the patience lasts between two bytes."""
        began = time.monotonic()
        try:
            response = self._session.send(shot.prepared, timeout=self._patience, allow_redirects=False)
        except requests.RequestException as error:
            return Answer(seconds=time.monotonic() - began, trouble=_trouble(error))
        return Answer(seconds=time.monotonic() - began, response=response)

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> Gun:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def curl_line(operation: Operation, shot: Shot, base_url: str) -> str:
    """A shell command that sends it again. The service's address is a variable: it differs each run."""
    variable = "$" + operation.service.upper().replace("-", "_")
    url = str(shot.prepared.url).replace(base_url, variable, 1)
    words = ["curl -sS -i --path-as-is -X", shlex.quote(str(shot.prepared.method))]
    words += [f"-H {shlex.quote(line)}" for line in _header_lines(shot.prepared.headers)]
    if shot.prepared.body is not None:
        words.append(f"--data-binary {quoted(body_bytes(shot))}")
    return " ".join([*words, '"' + "".join(f"\\{c}" if c in '"`\\' else c for c in url) + '"'])


def body_bytes(shot: Shot) -> bytes:
    """What is sent after the head."""
    body = shot.prepared.body
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b""


def quoted(body: bytes) -> str:
    """For a shell; what is no printable text is written as bash writes it."""
    shown = body[:LONGEST_BODY]
    rest = f" # and {len(body) - len(shown)} bytes more" if len(body) > len(shown) else ""
    text = shown.decode("ascii", "replace")
    if text.isprintable() and "\ufffd" not in text:
        return shlex.quote(text) + rest
    return "$'" + "".join(_escaped(byte) for byte in shown) + "'" + rest


def _escaped(byte: int) -> str:
    character = chr(byte)
    if character in "'\\":
        return "\\" + character
    return character if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"


def _header_lines(headers: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, value in headers.items():
        if name.lower() in BORING:
            continue
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        lines.append(f"{name}: " + ("[redacted]" if name.lower() in SECRET else text[:LONGEST_BODY]))
    return lines


def _trouble(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer came"
    if isinstance(error, requests.ConnectionError):
        return "the connection was closed before an answer came"
    return f"the answer could not be read ({type(error).__name__}: {error})"
