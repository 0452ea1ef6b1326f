"""What the policies tell: an event for each thing that an operator wants to read in a log. Counters have numbers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

_log = logging.getLogger("resilience")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a policy did and that is not the normal course of a call."""

    edge: str
    """The edge's name, such as `orders->payments`; with an instance `orders->inventory@10.0.0.7:80`."""
    policy: str
    """Its name in `EdgePolicy`."""
    kind: str
    """What happened, in a word or two: `rejected`, `ejected`, `budget_exhausted`."""
    detail: str = ""
    """Why, for people."""


Listener = Callable[[Event], None]
"""Told of events in the thread that caused them, never while a policy's lock is held. Must be quick."""


class Announcer:
    """One policy's voice. Without a listener it is silent; a listener that fails is logged and harms no call."""

    __slots__ = ("_edge", "_listener", "_policy")

    def __init__(self, edge: str, policy: str, listener: Listener | None = None) -> None:
        self._edge, self._policy, self._listener = edge, policy, listener

    def __call__(self, kind: str, detail: str = "") -> None:
        if self._listener is None:
            return
        try:
            self._listener(Event(self._edge, self._policy, kind, detail))
        except Exception:
            _log.exception("%s: the listener of the %s failed", self._edge, self._policy)
