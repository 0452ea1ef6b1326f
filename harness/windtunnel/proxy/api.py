"""The control API: Toxiproxy's routes, statuses and bodies.

/version   /reset   /populate   /proxies   /proxies/{p}   /proxies/{p}/toxics   /proxies/{p}/toxics/{t}
/metrics
/proxies/{p}/record   /proxies/{p}/record/connections   /proxies/{p}/requests?since=N   (ours: the edge record)
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from urllib.parse import unquote

from windtunnel.proxy.collection import ProxyCollection
from windtunnel.proxy.decoding import decode_object, decode_value, settings_of, toxicity_of
from windtunnel.proxy.errors import RefusalError
from windtunnel.proxy.fields import duration_of, populate_fields, proxy_fields, require, toxic_fields
from windtunnel.proxy.http import Answer, Request
from windtunnel.proxy.http1.api import refuse_unfit, since_of
from windtunnel.proxy.metrics import CONTENT_TYPE, Metrics
from windtunnel.proxy.proxy import Proxy
from windtunnel.proxy.toxics import TOXICS

VERSION = "2.12.0+windtunnel"
"""The Toxiproxy whose API this is, and who speaks it."""

_ESCAPED = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
"""What Go writes escaped, so that the text is harmless inside a page. It can only stand in strings."""

Act = Callable[..., Awaitable[Answer]]


class ControlApi:
    """Answers requests. Nothing here waits for the data path."""

    def __init__(self, proxies: ProxyCollection, metrics: Metrics, report: Callable[[BaseException], None]) -> None:
        """`report` is told of every exception that is no refusal."""
        self._proxies, self._metrics, self._report = proxies, metrics, report
        change_proxy, change_toxic = self._update_proxy, self._update_toxic
        self._routes: Mapping[tuple[str, ...], Mapping[str, Act]] = {
            ("version",): {"GET": self._version},
            ("metrics",): {"GET": self._show_metrics},
            ("reset",): {"POST": self._reset},
            ("populate",): {"POST": self._populate},
            ("proxies",): {"GET": self._list_proxies, "POST": self._create_proxy},
            ("proxies", "*"): {
                "GET": self._show_proxy,
                "PATCH": change_proxy,
                "POST": change_proxy,
                "DELETE": self._delete_proxy,
            },
            ("proxies", "*", "record"): {"GET": self._show_record},
            ("proxies", "*", "record", "*"): {"GET": self._show_record_of},
            ("proxies", "*", "requests"): {"GET": self._show_requests},
            ("proxies", "*", "toxics"): {"GET": self._list_toxics, "POST": self._add_toxic},
            ("proxies", "*", "toxics", "*"): {
                "GET": self._show_toxic,
                "PATCH": change_toxic,
                "POST": change_toxic,
                "DELETE": self._remove_toxic,
            },
        }

    async def __call__(self, request: Request) -> Answer:
        """The answer to one request; never raises."""
        # Split before decoding, so that a name may hold a slash.
        parts = [unquote(part) for part in request.path[1:].split("/")]
        methods = self._routes.get(tuple("*" if index % 2 else part for index, part in enumerate(parts)))
        if methods is None or "" in parts:
            return _not_found()
        act = methods.get(request.method)
        if act is None:
            return Answer(status=405)
        if request.headers.get("user-agent", "").startswith("Mozilla/"):
            # A page in a browser must not be able to drive a server on loopback.
            return Answer(status=403, body=b"User agent not allowed\n", content_type="text/plain; charset=utf-8")
        try:
            given = request.query if act == self._show_requests else request.body
            answer = await act(given, *parts[1::2])
        except RefusalError as error:
            answer = _json(error.code, {"error": str(error), "status": error.code}, end="\n")
        except Exception as error:
            self._report(error)
            answer = _json(500, {"error": f"internal error: {type(error).__name__}", "status": 500}, end="\n")
        answer.headers["X-Toxiproxy-Request-Id"] = secrets.token_hex(10)
        return answer

    async def _version(self, _: bytes) -> Answer:
        answer = f'{{"version": "{VERSION}"}}\n'.encode()
        return Answer(status=200, body=answer, content_type="application/json;charset=utf-8")

    async def _show_metrics(self, _: bytes) -> Answer:
        return Answer(status=200, body=self._metrics.text(), content_type=CONTENT_TYPE)

    async def _reset(self, _: bytes) -> Answer:
        await self._proxies.reset()
        return Answer(status=204)

    async def _populate(self, body: bytes) -> Answer:
        made: list[Proxy] = []
        try:
            for fields in populate_fields(decode_value(body)):
                made += [await self._proxies.put(fields)]
        except RefusalError as error:
            failed = {"error": str(error), "status": error.code, "proxies": [proxy.body() for proxy in made]}
            return _json(error.code, failed)
        return _json(201, {"proxies": [proxy.body() for proxy in made]})

    async def _list_proxies(self, _: bytes) -> Answer:
        return _json(200, {name: self._proxies.get(name).body() for name in sorted(self._proxies.names())})

    async def _create_proxy(self, body: bytes) -> Answer:
        fields = proxy_fields(decode_object(body))
        require(fields)
        return _json(201, (await self._proxies.create(fields)).body())

    async def _show_proxy(self, _: bytes, name: str) -> Answer:
        return _json(200, self._proxies.get(name).body())

    async def _update_proxy(self, body: bytes, name: str) -> Answer:
        self._proxies.get(name)
        return _json(200, (await self._proxies.update(name, proxy_fields(decode_object(body), toxics=False))).body())

    async def _delete_proxy(self, _: bytes, name: str) -> Answer:
        await self._proxies.delete(name)
        return Answer(status=204)

    async def _show_record(self, _: bytes, name: str) -> Answer:
        return _json(200, asdict(self._proxies.get(name).record.snapshot()))

    async def _show_record_of(self, _: bytes, name: str, what: str) -> Answer:
        proxy = self._proxies.get(name)
        if what != "connections":
            return _not_found()
        return _json(200, proxy.record.history.body())

    async def _show_requests(self, query: str, name: str) -> Answer:
        proxy = self._proxies.get(name)
        return _json(200, proxy.requests.page(since_of(query)))

    async def _list_toxics(self, _: bytes, name: str) -> Answer:
        return _json(200, [toxic.body() for toxic in self._proxies.get(name).chain()])

    async def _add_toxic(self, body: bytes, name: str) -> Answer:
        proxy, given = self._proxies.get(name), decode_object(body)
        fields = toxic_fields(given, proxy.refuse_taken)
        refuse_unfit(fields.type, fields.stream, http=proxy.http)
        toxic = proxy.add_toxic(fields)
        return _json(200, toxic.body())

    async def _show_toxic(self, _: bytes, name: str, toxic: str) -> Answer:
        return _json(200, self._proxies.get(name).toxic(toxic).body())

    async def _update_toxic(self, body: bytes, name: str, toxic_name: str) -> Answer:
        proxy = self._proxies.get(name)
        toxic, given = proxy.toxic(toxic_name), decode_object(body)
        # All is read before any of it is changed: a refused update changes nothing.
        settings = settings_of(TOXICS[toxic.type].Settings, given, toxic.settings)
        toxicity = toxicity_of(given, toxic.toxicity)
        duration = duration_of(given, 0) if "duration" in given else None
        proxy.update_toxic(toxic, toxicity=toxicity, settings=settings, duration=duration)
        return _json(200, toxic.body())

    async def _remove_toxic(self, _: bytes, name: str, toxic: str) -> Answer:
        self._proxies.get(name).remove_toxic(toxic)
        return Answer(status=204)


def _not_found() -> Answer:
    return Answer(status=404, body=b"404 page not found\n", content_type="text/plain; charset=utf-8")


def _json(status: int, value: object, end: str = "") -> Answer:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).translate(_ESCAPED)
    return Answer(status=status, body=(text + end).encode("utf-8", errors="replace"))
