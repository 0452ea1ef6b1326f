"""The settings that every service has."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict
from urllib.parse import parse_qs

from resilience.errors import SettingsError as PolicySettingsError
from resilience.inbound import require_fit
from storefront.shared.environment import Environment, SettingsError
from storefront.shared.policies import ServicePolicies
from storefront.shared.sqlite import SYNCHRONOUS

LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, kw_only=True)
class BaseSettings:
    """Where a service listens, what it logs, where its data is."""

    host: str = "127.0.0.1"
    port: int = 8000
    log_level: str = "info"
    database_url: str = field(repr=False)
    """Any URL that SQLAlchemy understands; SQLite in a file is the default. Not shown, since it may hold a password."""
    threads: int = 32
    """Requests that are worked on at the same time; more of them wait."""
    drain: int = 10
    """Seconds that requests in flight get to finish after SIGTERM."""
    drain_notice: float = 0.5
    """Seconds between SIGTERM, from which on it is not ready, and the end of accepting; included in `drain`."""
    policies: ServicePolicies
    """What protects it, as its `policies.toml` and its environment say."""

    def __post_init__(self) -> None:
        if self.policies.inbound.limit is not None:
            try:
                require_fit(self.policies.inbound.limit, self.threads)
            except PolicySettingsError as error:
                raise SettingsError(f"THREADS does not fit policies.toml: inbound: {error}") from None


class BaseArguments(TypedDict):
    """The fields of `BaseSettings`."""

    host: str
    port: int
    log_level: str
    database_url: str
    threads: int
    drain: int
    drain_notice: float


def base_arguments(env: Environment, service: str) -> BaseArguments:
    """Reads HOST, PORT, LOG_LEVEL, DATABASE_URL, THREADS, DRAIN_SECONDS and DRAIN_NOTICE_SECONDS."""
    return {
        "host": env.text("HOST", "127.0.0.1"),
        "port": env.integer("PORT", 8000, low=1, high=65535),
        "log_level": env.choice("LOG_LEVEL", "info", known=LOG_LEVELS),
        "database_url": _database_url(env, f"sqlite:///{service}.db"),
        "threads": env.integer("THREADS", 32, low=1, high=512),
        "drain": env.integer("DRAIN_SECONDS", 10, low=1, high=600),
        "drain_notice": env.seconds("DRAIN_NOTICE_SECONDS", 0.5),
    }


def _database_url(env: Environment, default: str) -> str:
    url = env.text("DATABASE_URL", default)
    scheme, separator, rest = url.partition("://")
    if not separator or not scheme:
        # Never show the value: it may hold a password.
        raise SettingsError("DATABASE_URL is not a URL; sqlite:////path/to/file.db is one")
    if scheme == "sqlite" and rest and not (folder := Path(rest[1:].partition("?")[0]).parent).is_dir():
        raise SettingsError(f"DATABASE_URL names the folder {folder}, which does not exist")
    if scheme == "sqlite" and parse_qs(rest.partition("?")[2]).get("synchronous", ["off"])[-1] not in SYNCHRONOUS:
        raise SettingsError(f"DATABASE_URL: synchronous is one of {', '.join(SYNCHRONOUS)}")
    return url
