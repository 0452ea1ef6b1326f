"""Strict reading of settings from environment variables: a bad value is one clear line that names the variable."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit


class SettingsError(ValueError):
    """A setting cannot be used; `str()` is one line: which variable, what is wrong, what would be right."""


class Environment:
    """Typed access to the variables a service was started with. Every method raises `SettingsError`."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str, default: str | None = None) -> str:
        """A value that is not empty."""
        value = self._values.get(name, "")
        if value:
            return value
        if default is None:
            raise SettingsError(f"{name} is not set; it has no default")
        return default

    def secret(self, name: str, *, at_least: int) -> str:
        """A value of some length that no message may show."""
        value = self.text(name)
        if len(value) < at_least:
            raise SettingsError(f"{name} has {len(value)} characters; it needs at least {at_least}")
        return value

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        value = self.text(name, str(default))
        if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
            raise SettingsError(f"{name} is {value!r}; a whole number from {low} to {high} is needed")
        return int(value)

    def seconds(self, name: str, default: float) -> float:
        """A positive number of seconds."""
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 < number < math.inf:
            raise SettingsError(f"{name} is {value!r}; a positive number of seconds is needed, such as 0.5")
        return number

    def url(self, name: str, *, scheme: str, default: str | None = None) -> str:
        """`scheme://host:port`, without a slash at its end."""
        value = self.text(name, default).rstrip("/")
        parts = urlsplit(value)
        try:
            usable = parts.scheme == scheme and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            usable = False
        if not usable:
            raise SettingsError(f"{name} is {value!r}; {scheme}://host:port is needed")
        return value

    def urls(self, name: str, *, scheme: str) -> tuple[str, ...]:
        """Those of the instances of one service, with commas between them."""
        parts = [part.strip() for part in self.text(name).split(",") if part.strip()]
        return tuple(Environment({name: part}).url(name, scheme=scheme) for part in parts or [","])

    def choice(self, name: str, default: str, *, known: Iterable[str]) -> str:
        """One of the known words."""
        value, words = self.text(name, default), sorted(known)
        if value not in words:
            raise SettingsError(f"{name} is {value!r}; known: {', '.join(words)}")
        return value

    def subset(self, name: str, *, known: Iterable[str]) -> frozenset[str]:
        """A list of known words, with commas between them; empty by default."""
        words = sorted(known)
        given = [word.strip() for word in self._values.get(name, "").split(",") if word.strip()]
        for word in given:
            if word not in words:
                raise SettingsError(f"{name} names {word!r}; known: {', '.join(words) or 'none in this service'}")
        return frozenset(given)
