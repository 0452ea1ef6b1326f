"""The embedded server's life: one thread, one event loop, one control port, any number of proxies."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from windtunnel.edge_records import ConnectionLog, EdgeRecord
from windtunnel.edge_requests import EdgeRequests, read_pages
from windtunnel.errors import ProxyError
from windtunnel.proxy.alarm import Clock
from windtunnel.proxy.api import ControlApi
from windtunnel.proxy.collection import ProxyCollection, ProxyFields
from windtunnel.proxy.config import mistake, read_config
from windtunnel.proxy.errors import RefusalError
from windtunnel.proxy.http import ControlConnection
from windtunnel.proxy.listener import Listener, join_address, resolve
from windtunnel.proxy.metrics import Metrics
from windtunnel.proxy.setting import Setting

_T = TypeVar("_T")

START_TIMEOUT = STOP_TIMEOUT = 10.0
MOST_UNHANDLED = 100


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it can be had, else asyncio's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class EmbeddedToxiproxy:
    """A Toxiproxy-compatible server in a thread of this process.

        with EmbeddedToxiproxy(seed=7) as server:
            requests.get(f"{server.url}/version")

    From an asyncio program, without holding its loop up while the thread starts and ends:

        async with EmbeddedToxiproxy(seed=7) as server:
            ...

    The same seed gives the same fault decisions. Several can run at once. When it has stopped, its sockets, tasks and
    its thread are gone; it can be started again.
    """

    def __init__(
        self,
        seed: int = 0,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        config: Path | str | None = None,
        runtime_metrics: bool = False,
        dial_timeout: float = 10.0,
        clock: Clock = time.monotonic,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] = new_event_loop,
    ) -> None:
        """`port` 0 picks a free one; `dial_timeout` in seconds, for reaching an upstream.

        `config` is a file with the proxies to begin with. With `runtime_metrics`, /metrics tells of this process too.
        """
        self.seed, self._address = seed, (host, port)
        self._config = None if config is None else Path(config)
        self._runtime_metrics = runtime_metrics
        self._dial_timeout, self._clock, self._loop_factory = dial_timeout, clock, loop_factory
        self._unhandled: list[str] = []
        self._run: _Run | None = None

    def __enter__(self) -> EmbeddedToxiproxy:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> EmbeddedToxiproxy:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    @property
    def url(self) -> str:
        """The control API's base URL. Raises `ProxyError` while the server is not running."""
        return f"http://{self._running().address}"

    @property
    def host(self) -> str:
        return self._running().address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self._running().address.rpartition(":")[2])

    @property
    def unhandled(self) -> tuple[str, ...]:
        """Errors that nothing handled, at most 100: always empty unless this package has a bug."""
        return tuple(self._unhandled)

    def start(self) -> None:
        """Ready when it returns. Harmless when running.

        Raises `ProxyError` when the control port cannot be had, `BadInputError` for a configuration file that cannot.
        """
        if self._run is not None:
            return
        wanted = [] if self._config is None else read_config(self._config)
        loop = self._loop_factory()
        loop.set_exception_handler(self._note_unhandled)
        setting = Setting(loop=loop, clock=self._clock, seed=self.seed, dial_timeout=self._dial_timeout)
        run = _Run(setting, runtime_metrics=self._runtime_metrics)
        run.start(join_address(*self._address))
        try:
            self._populate(run, wanted)
        except BaseException:
            run.stop()
            raise
        self._run = run

    def stop(self) -> None:
        """Everything is closed when it returns. Can be called twice."""
        run, self._run = self._run, None
        if run is not None:
            run.stop()

    def record(self, proxy: str) -> EdgeRecord:
        """What passed through a proxy so far. Raises `ProxyError`."""
        return self._running().ask(lambda proxies: proxies.get(proxy).record.snapshot())

    def connections(self, proxy: str) -> ConnectionLog:
        """What became of each of its connections. Raises `ProxyError`."""
        return self._running().ask(lambda proxies: proxies.get(proxy).record.history.log())

    def requests(self, proxy: str, since: int = 0) -> EdgeRequests:
        """The requests number `since` + 1 and on that have ended, where it reads HTTP. Raises `ProxyError`."""
        return read_pages(
            lambda start: self._running().ask(lambda proxies: proxies.get(proxy).requests.page(start)), since
        )

    def _populate(self, run: _Run, wanted: list[ProxyFields]) -> None:
        for number, fields in enumerate(wanted, 1):
            try:
                run.put(fields)
            except RefusalError as error:
                assert self._config is not None
                message = f"proxy {number} ({fields.name}): {error}"
                raise mistake(self._config, message, number) from error

    def _running(self) -> _Run:
        if self._run is None:
            raise ProxyError("the embedded proxy server is not running: call start(), or use it in a `with` block")
        return self._run

    def _note_unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if len(self._unhandled) < MOST_UNHANDLED:
            self._unhandled.append(f"{context.get('message')}: {context.get('exception')!r}")


class _Run:
    """From one start to the stop that follows."""

    def __init__(self, setting: Setting, *, runtime_metrics: bool) -> None:
        self.address = ""
        self._loop = setting.loop
        self._proxies = ProxyCollection(setting)
        self._metrics = Metrics(self._proxies.all, runtime=runtime_metrics)
        self._control: set[ControlConnection] = set()
        self._listener: Listener | None = None
        self._thread = threading.Thread(target=self._serve, name="windtunnel-proxy", daemon=True)

    def start(self, listen: str) -> None:
        self._thread.start()
        try:
            self.address = asyncio.run_coroutine_threadsafe(self._listen(listen), self._loop).result(START_TIMEOUT)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(STOP_TIMEOUT)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOP_TIMEOUT)

    def ask(self, question: Callable[[ProxyCollection], _T]) -> _T:
        """The answer to a question that the loop must be asked, from another thread."""

        async def answer() -> _T:
            return question(self._proxies)

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(START_TIMEOUT)

    def put(self, fields: ProxyFields) -> None:
        """Create a proxy, or replace it. Raises `RefusalError`."""
        asyncio.run_coroutine_threadsafe(self._proxies.put(fields), self._loop).result(START_TIMEOUT)

    def _serve(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    async def _listen(self, listen: str) -> str:
        api = ControlApi(self._proxies, self._metrics, self._report)
        self._listener = Listener(await resolve(listen))
        await self._listener.open(lambda: ControlConnection(api, self._control))
        return self._listener.address

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for connection in tuple(self._control):
            connection.close()
        self._proxies.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_TIMEOUT / 2)
        # Sockets are closed by callbacks that the calls above have queued.
        turns = 0
        async with asyncio.timeout(STOP_TIMEOUT / 2):
            while turns < 5 or self._control or self._proxies.connections:
                turns += 1
                await asyncio.sleep(0)
        await self._loop.shutdown_asyncgens()
        with suppress(RuntimeError):
            await self._loop.shutdown_default_executor()

    def _report(self, error: BaseException) -> None:
        self._loop.call_exception_handler({"message": "control API", "exception": error})
