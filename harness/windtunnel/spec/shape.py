"""What a fault looks like from outside: where it is put, which attributes it takes and in which unit.

The spec reader knows faults by their shapes alone; `windtunnel.faults` provides the table (`SHAPES`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["ms", "us", "s", "bytes", "kbps", "count", "share", "whole_s", "status", "text", "word"]
"""What reaches the fault: whole milliseconds, whole microseconds, seconds (float), whole bytes, whole KB/s
(1 KB = 1000 B, as Toxiproxy counts), a whole number, a share between 0 and 1 (written `50%`), whole seconds, an HTTP
status from 200 to 599, any text, one of the words that `words` lists."""


@dataclass(frozen=True, kw_only=True)
class FaultShape:
    """One fault as a step of an experiment may write it."""

    on: Literal["edge", "service"]
    params: Mapping[str, Unit] = field(default_factory=dict)
    """Its own attributes, by the name they have in the file."""
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For attributes whose unit is `word`: what they may say."""
    match: bool = False
    """True when a step may say which HTTP requests it is for (`match: {...}`)."""
    streams: tuple[str, ...] = ("upstream", "downstream")
    """What `stream` may say."""
    required: frozenset[str] = frozenset()
    """The ones that have no default."""
    several: bool = False
    """True when one step may name several edges (`edges: [...]`)."""
    toxic: bool = True
    """True when a step on an edge may give `stream` and `toxicity`. False for what concerns a whole proxy."""
    lasting: bool = True
    """False for what is over once it is done: nothing is left to take back."""
