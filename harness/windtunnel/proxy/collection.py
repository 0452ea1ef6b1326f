"""All proxies of a server, by name: created, changed, replaced, deleted."""

from __future__ import annotations

from dataclasses import dataclass

from windtunnel.proxy.errors import AddressError, ListenError, ProxyExistsError, ProxyNotFoundError
from windtunnel.proxy.installed import ToxicFields
from windtunnel.proxy.listener import Place, resolve
from windtunnel.proxy.proxy import Proxy
from windtunnel.proxy.setting import Setting


@dataclass(frozen=True, kw_only=True)
class ProxyFields:
    """What a request says of a proxy; None: not said."""

    name: str | None = None
    listen: str | None = None
    upstream: str | None = None
    enabled: bool | None = None
    toxics: tuple[ToxicFields, ...] | None = None
    http: bool | None = None
    """Read HTTP/1.1 on it: the request log, and toxics on requests. Ours; Toxiproxy ignores it."""


class ProxyCollection:
    """Belongs to the server's event loop. A proxy being changed holds up other changes of that proxy only."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._proxies: dict[str, Proxy] = {}

    def all(self) -> list[Proxy]:
        """In the order in which they were created."""
        return list(self._proxies.values())

    def names(self) -> list[str]:
        return list(self._proxies)

    @property
    def connections(self) -> int:
        """Open connections of all proxies."""
        return sum(len(proxy.connections) for proxy in self._proxies.values())

    def get(self, name: str) -> Proxy:
        """Raises `ProxyNotFoundError`."""
        try:
            return self._proxies[name]
        except KeyError:
            raise ProxyNotFoundError from None

    async def create(self, fields: ProxyFields) -> Proxy:
        """A new proxy, listening unless `enabled` is False. Raises `ProxyExistsError`, `ListenError`."""
        proxy = self._new(fields)
        if proxy.name in self._proxies:
            raise ProxyExistsError
        # The name is taken before anything is awaited, so that two creations cannot both succeed.
        self._proxies[proxy.name] = proxy
        async with proxy.lock:
            try:
                if fields.enabled is not False:
                    await self._start(proxy)
            except BaseException:
                self._proxies.pop(proxy.name, None)
                proxy.retire()
                raise
        return proxy

    async def update(self, name: str, fields: ProxyFields) -> Proxy:
        """Change what is said. All or nothing: on `ListenError` the proxy is as it was."""
        proxy = self.get(name)
        async with proxy.lock:
            self._still_there(proxy)
            await self._change(proxy, fields)
        return proxy

    async def delete(self, name: str) -> None:
        """End the proxy and its connections. Raises `ProxyNotFoundError`."""
        proxy = self.get(name)
        proxy.disable()
        async with proxy.lock:
            self._still_there(proxy)
            del self._proxies[name]
            proxy.retire()

    async def put(self, fields: ProxyFields) -> Proxy:
        """Create it, or replace the one of that name; one that is the same already is left alone.

        Its toxics too, unless `toxics` says which it is to have.
        """
        old = self._proxies.get(fields.name or "")
        if old is None:
            return await self.create(fields)
        async with old.lock:
            if await self._same(old, fields):
                if fields.toxics is not None:
                    old.have_toxics(fields.toxics)
                return old
            await self._replace(old, fields)
        return self.get(old.name)

    async def reset(self) -> None:
        """Remove every toxic, enable every proxy. One that cannot listen does not keep the others from it."""
        failure: ListenError | None = None
        for proxy in self.all():
            proxy.clear_toxics()
        for proxy in self.all():
            async with proxy.lock:
                try:
                    if not proxy.enabled and self._proxies.get(proxy.name) is proxy:
                        await self._start(proxy)
                except ListenError as error:
                    failure = failure or error
        if failure is not None:
            raise failure

    def close(self) -> None:
        """End every proxy. Connections are gone a moment later."""
        for proxy in self.all():
            proxy.retire()

    async def _change(self, proxy: Proxy, fields: ProxyFields) -> None:
        if fields.listen is not None and fields.listen != proxy.listen:
            place = await resolve(fields.listen)
            if not proxy.has_port or place != await resolve(proxy.listen):
                await self._move(proxy, place, fields)
        if fields.http is not None:
            proxy.http = fields.http
        if fields.upstream is not None and fields.upstream != proxy.upstream:
            proxy.lead_to(fields.upstream)
        if fields.enabled is False:
            proxy.disable()
        elif fields.enabled:
            await self._start(proxy)

    async def _move(self, proxy: Proxy, place: Place, fields: ProxyFields) -> None:
        stays_enabled = proxy.enabled and fields.enabled is not False
        if stays_enabled or fields.enabled:
            proxy.occupy(place)
            await proxy.enable()
        else:
            proxy.leave()
            proxy.move(fields.listen or "")

    async def _start(self, proxy: Proxy) -> None:
        if not proxy.has_port:
            try:
                place = await resolve(proxy.listen)
            except AddressError as error:
                raise ListenError(f": {error.detail}") from error
            proxy.occupy(place)
        await proxy.enable()

    async def _same(self, proxy: Proxy, fields: ProxyFields) -> bool:
        if proxy.upstream != fields.upstream or fields.http not in (None, proxy.http):
            return False
        if not proxy.has_port or proxy.listen == fields.listen:
            return proxy.listen == (fields.listen or "")
        return await resolve(fields.listen or "") == await resolve(proxy.listen)

    async def _replace(self, old: Proxy, fields: ProxyFields) -> None:
        new, was_enabled = self._new(fields), old.enabled
        old.leave()
        self._proxies[old.name] = new
        async with new.lock:
            try:
                if fields.enabled is not False:
                    await self._start(new)
            except BaseException:
                self._proxies[old.name] = old
                new.retire()
                if was_enabled:
                    await self._start(old)
                raise
        old.retire()

    def _new(self, fields: ProxyFields) -> Proxy:
        assert fields.name
        proxy = Proxy(
            name=fields.name,
            listen=fields.listen or "",
            upstream=fields.upstream or "",
            setting=self._setting,
            http=bool(fields.http),
        )
        proxy.have_toxics(fields.toxics or ())
        return proxy

    def _still_there(self, proxy: Proxy) -> None:
        if self._proxies.get(proxy.name) is not proxy:
            raise ProxyNotFoundError
