"""Discovery: where the instances of a service are, and where they last were when nobody can say."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from resilience.count import Count
from resilience.errors import SettingsError
from resilience.events import Announcer, Listener
from resilience.instance import Instance, instance_at

_SOON = 1.0
"""Seconds between two questions while nothing is known at all."""


class Provider(Protocol):
    """Knows where a service lives. A registry's client is one."""

    def instances(self) -> Sequence[Instance]:
        """All that are there now. Raises any Exception when it cannot say; none at all counts as that, too."""


class StaticList:
    """Instances that are known from the start: `StaticList("http://10.0.0.7:8000", "10.0.0.8:8000")`."""

    def __init__(self, *addresses: str) -> None:
        if not addresses:
            raise SettingsError("the list of instances is empty; right is at least one address, such as 10.0.0.7:8000")
        self._instances = [instance_at(address) for address in addresses]

    def instances(self) -> Sequence[Instance]:
        """Always the same."""
        return self._instances


class Dns:
    """All addresses of a name, such as that of a headless Kubernetes service. Its records' lifetimes are not seen."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    def instances(self) -> Sequence[Instance]:
        """Raises OSError."""
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        return [Instance(str(entry[4][0]), self._port) for entry in found]


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="resilience-discovery", daemon=True).start()


class Directory:
    """What a provider said last. Asked again every `refresh` seconds, beside the calls: none of them waits for it.

    Only the very first call does, since there is nothing to go by. While the provider fails, or knows of no instance,
    the last known list stays: a registry that is gone must not take the services with it.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        refresh: float = math.inf,
        name: str = "call",
        clock: Callable[[], float] = time.monotonic,
        background: Callable[[Callable[[], None]], None] = _in_background,
        events: Listener | None = None,
    ) -> None:
        self._provider, self._refresh, self._clock = provider, refresh, clock
        self._background = background
        self._announce = Announcer(name, "balancer", events)
        self._known: tuple[Instance, ...] = ()
        self._asked, self._told = -math.inf, clock()
        self._asking = threading.Lock()
        self._failures = Count()

    @property
    def failures(self) -> int:
        """How often the provider could not say."""
        return self._failures.value

    @property
    def known(self) -> tuple[Instance, ...]:
        """What `instances` returned last, without asking anybody."""
        return self._known

    def age(self) -> float:
        """Seconds since the provider last said something useful."""
        return self._clock() - self._told

    def instances(self) -> tuple[Instance, ...]:
        """The last known ones, each once, in order; the same object as long as nothing changes."""
        if not self._known:
            with self._asking:  # all first callers wait for one of them
                if not self._known and self._clock() >= self._asked + min(self._refresh, _SOON):
                    self._ask()
        elif self._clock() >= self._asked + self._refresh and self._asking.acquire(blocking=False):
            self._asked = self._clock()
            try:
                self._background(self._ask_and_let_go)
            except BaseException:  # no thread to be had: the next caller tries again
                self._asking.release()
                raise
        return self._known

    def _ask_and_let_go(self) -> None:
        try:
            self._ask()
        finally:
            self._asking.release()

    def _ask(self) -> None:
        self._asked = self._clock()
        try:
            found = _each_once(self._provider.instances())
        except Exception as exc:
            self._failed(repr(exc))
            return
        if not found:
            self._failed("it knows of no instance")
            return
        self._told = self._clock()
        if found != self._known:
            self._known = found

    def _failed(self, why: str) -> None:
        self._failures.add()
        self._announce("provider_failed", f"{why}; {len(self._known)} last known instances stay")


def _each_once(instances: Iterable[Instance]) -> tuple[Instance, ...]:
    return tuple(sorted(set(instances)))
