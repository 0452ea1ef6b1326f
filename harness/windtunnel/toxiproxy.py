"""The client side of a Toxiproxy, whichever it is: embedded, a binary, a container, a remote one.

A typed client over httpx, one base URL per object (toxiproxy-python keeps host and port on the class, has no
time-outs, and does not raise on 5xx). The embedded server adds `/proxies/{name}/record`, which a proof of injection
reads; a server that has no such route answers 404 and `record()` raises `ProxyError`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import quote

from windtunnel.api_url import credentials, without_credentials
from windtunnel.edge_records import ConnectionLog, EdgeRecord, read_log
from windtunnel.edge_requests import EdgeRequests, read_pages
from windtunnel.errors import ProxyError
from windtunnel.toxiproxy_state import Attributes, ProxyState, Stream, Toxic, proxy_of, toxic_of

if TYPE_CHECKING:
    import httpx

__all__ = ["Act", "Attributes", "EdgeProxy", "Evidence", "ProxyState", "Stream", "Toxic", "ToxiproxyClient"]

_T = TypeVar("_T")
Act = Literal["toxics", "disable"]
"""What can be done to a proxy."""
Evidence = Literal["connections", "bytes", "nothing"]
"""What a server tells of who passed: each connection, bytes of connections that have ended, or nothing at all."""


class ToxiproxyClient:
    """Speaks to one Toxiproxy server; can be shared by threads. Every method raises `ProxyError`.

    `ProxyError.status` is the server's answer, or None when there was no usable one.
    """

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        """`url` like `http://127.0.0.1:8474`, shown without `user:password@`; `timeout` in seconds, for each call."""
        self.url, self._shown = url.rstrip("/"), without_credentials(url.rstrip("/"))
        import httpx  # takes longer to load than the whole server, which needs this file's records only

        # Variables such as HTTP_PROXY must never send a loopback call elsewhere.
        auth = credentials(url)  # not in the URL, which httpx writes to its log
        self._http = httpx.Client(base_url=self._shown, auth=auth, timeout=timeout, trust_env=False)

    def __enter__(self) -> ToxiproxyClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back. Can be called twice."""
        self._http.close()

    def version(self) -> str:
        """What the server calls itself."""
        return _read(lambda: str(self._call("GET", "/version")["version"]))

    def proxies(self) -> dict[str, ProxyState]:
        """All proxies by name."""
        return _read(lambda: {name: proxy_of(body) for name, body in self._call("GET", "/proxies").items()})

    def proxy(self, name: str) -> ProxyState:
        """One proxy as it is now."""
        return _read(lambda: proxy_of(self._call("GET", _path(name))))

    def create(self, name: str, listen: str, upstream: str, enabled: bool = True, *, http: bool = False) -> ProxyState:
        """A new proxy. With port 0 in `listen` the server picks one, and the answer carries it.

        `http`: read HTTP/1.1 on it. Ours; a Toxiproxy ignores it, and the answer's `http` is False.
        """
        body: dict[str, object] = {"name": name, "listen": listen, "upstream": upstream, "enabled": enabled}
        if http:
            body["http"] = True
        return _read(lambda: proxy_of(self._call("POST", "/proxies", body)))

    def update(
        self,
        name: str,
        *,
        enabled: bool | None = None,
        listen: str | None = None,
        upstream: str | None = None,
        http: bool | None = None,
    ) -> ProxyState:
        """Change what is given. Disabling refuses new connections and ends the open ones; toxics stay.

        `http` concerns connections made from now on.
        """
        given = {"enabled": enabled, "listen": listen, "upstream": upstream, "http": http}
        body = {key: value for key, value in given.items() if value is not None}
        return _read(lambda: proxy_of(self._call("PATCH", _path(name), body)))

    def delete(self, name: str) -> None:
        """Remove the proxy and end its connections."""
        self._call("DELETE", _path(name))

    def add_toxic(
        self,
        proxy: str,
        type: str,  # noqa: A002 - Toxiproxy's own word
        *,
        name: str | None = None,
        stream: Stream = "downstream",
        toxicity: float = 1.0,
        attributes: Attributes | None = None,
        duration_ms: int = 0,
    ) -> Toxic:
        """Add a toxic at the end of the chain. `toxicity` is the share of connections it acts on, 0 to 1.

        With `duration_ms` it ends by itself then; only the embedded server does that, another one ignores it.
        """
        body: dict[str, object] = {"type": type, "stream": stream, "toxicity": toxicity}
        body |= {"duration": duration_ms} if duration_ms else {}
        body |= {"name": name or f"{type}_{stream}", "attributes": dict(attributes or {})}
        return _read(lambda: toxic_of(self._call("POST", _path(proxy, "toxics"), body)))

    def update_toxic(
        self,
        proxy: str,
        name: str,
        *,
        toxicity: float | None = None,
        attributes: Attributes | None = None,
    ) -> Toxic:
        """Change the given attributes, and the toxicity when one is given; open connections feel it at once."""
        body: dict[str, object] = {"attributes": dict(attributes or {})}
        if toxicity is not None:
            body["toxicity"] = toxicity
        return _read(lambda: toxic_of(self._call("PATCH", _path(proxy, "toxics", name), body)))

    def remove_toxic(self, proxy: str, name: str) -> None:
        """Take the toxic off; what it held goes on at once (or is closed: `timeout`)."""
        self._call("DELETE", _path(proxy, "toxics", name))

    def reset(self) -> None:
        """Enable every proxy and remove every toxic."""
        self._call("POST", "/reset")

    def record(self, name: str) -> EdgeRecord:
        """What passed so far. Only the embedded server has it; another one answers 404."""
        return _read(lambda: EdgeRecord(**self._call("GET", _path(name, "record"))))

    def connections(self, name: str) -> ConnectionLog:
        """What became of each connection. Only the embedded server has it; another one answers 404."""
        return _read(lambda: read_log(self._call("GET", _path(name, "record", "connections"))))

    def requests(self, name: str, since: int = 0) -> EdgeRequests:
        """The requests number `since` + 1 and on that have ended. Only the embedded server has them."""
        path = _path(name, "requests")
        return _read(lambda: read_pages(lambda start: self._call("GET", f"{path}?since={start}"), since))

    def metrics(self) -> str:
        """What the server tells Prometheus. Toxiproxy does so only with a flag, and answers 404 without."""
        return self._ask("GET", "/metrics").text

    def _call(self, method: str, path: str, body: object = None) -> Any:
        answer = self._ask(method, path, body)
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise ProxyError(f"{self._shown}: {method} {path}: the answer is not JSON") from error

    def _ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        import httpx

        where = f"{self._shown}: {method} {path}"
        try:
            answer = self._http.request(method, path, json=body)
        except (httpx.HTTPError, RuntimeError) as error:
            raise ProxyError(f"{where}: no answer: {str(error) or type(error).__name__}") from error
        if not answer.is_success:
            raise ProxyError(f"{where}: {_reason(answer)}", status=answer.status_code)
        return answer


@dataclass(frozen=True)
class EdgeProxy:
    """The proxy on one edge: which server, and under which name. Methods raise as the client's do."""

    client: ToxiproxyClient
    name: str

    @property
    def tag(self) -> str:
        """What the names of toxics begin with that are made here. On a server of our own: nothing special."""
        return ""

    @property
    def evidence(self) -> Evidence:
        """What can be read of who met a toxic."""
        return "connections"

    def permit(self, act: Act) -> None:
        """Raise `CapabilityError` unless that may be done here. On a server of our own everything may."""

    @property
    def listen(self) -> tuple[str, int]:
        """Host and port that the edge's caller connects to, as the server states them now."""
        host, _, port = self.state().listen.rpartition(":")
        return host.strip("[]"), int(port)

    def state(self) -> ProxyState:
        """The proxy as it is now, with its toxics."""
        return self.client.proxy(self.name)

    def record(self) -> EdgeRecord:
        """What passed so far."""
        return self.client.record(self.name)

    def connections(self) -> ConnectionLog:
        """What became of each connection."""
        return self.client.connections(self.name)

    def requests(self, since: int = 0) -> EdgeRequests:
        """The requests number `since` + 1 and on that have ended; of none on a proxy that does not read HTTP."""
        return self.client.requests(self.name, since)

    def add_toxic(
        self,
        type: str,  # noqa: A002 - Toxiproxy's own word
        *,
        name: str | None = None,
        stream: Stream = "downstream",
        toxicity: float = 1.0,
        attributes: Attributes | None = None,
        duration_ms: int = 0,
    ) -> Toxic:
        """Add a toxic at the end of the chain."""
        return self.client.add_toxic(
            self.name,
            type,
            name=name,
            stream=stream,
            toxicity=toxicity,
            attributes=attributes,
            duration_ms=duration_ms,
        )

    def update_toxic(self, name: str, *, toxicity: float | None = None, attributes: Attributes | None = None) -> Toxic:
        """Change a toxic in place."""
        return self.client.update_toxic(self.name, name, toxicity=toxicity, attributes=attributes)

    def remove_toxic(self, name: str) -> None:
        """Take a toxic off. `ProxyError` with status 404 when it is not there."""
        self.client.remove_toxic(self.name, name)

    def disable(self) -> ProxyState:
        """Refuse new connections and end the open ones. The port stays reserved."""
        return self.client.update(self.name, enabled=False)

    def enable(self) -> ProxyState:
        """Listen again, on the same port."""
        return self.client.update(self.name, enabled=True)


def _path(proxy: str, *rest: str) -> str:
    return "/".join(["/proxies", *(quote(part, safe="") for part in (proxy, *rest))])


def _read(answer: Callable[[], _T]) -> _T:
    """Turn an answer of an unexpected shape into a `ProxyError`."""
    try:
        return answer()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ProxyError(f"not a Toxiproxy: the answer lacks what it must have ({error!r})") from error


def _reason(answer: httpx.Response) -> str:
    try:
        return f"{answer.status_code} {answer.json()['error']}"
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.text[:200].strip()}"
