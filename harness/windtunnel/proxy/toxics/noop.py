"""noop: passes everything. The template for a new toxic, and a way to measure what a chain costs."""

from __future__ import annotations

from windtunnel.proxy.toxics.base import NoSettings, Toxic


class Noop(Toxic[NoSettings]):
    """Does nothing, and so never touches a link."""
