"""What the notifications service reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass, field

from resilience.durable import IdempotencySettings
from resilience.errors import require_range
from storefront.shared.base_settings import BaseSettings, base_arguments
from storefront.shared.environment import Environment
from storefront.shared.policies import Declared, ServicePolicies

_MAIL = "notifications->mail"


@dataclass(frozen=True, kw_only=True)
class MailPolicy:
    """What protects the calls of the mail server. Raises SettingsError."""

    deadline: float | None = None
    """Seconds for each step of the talk; 0.001 to 3600. None waits for ever."""

    def __post_init__(self) -> None:
        if self.deadline is not None:
            require_range("deadline", self.deadline, 0.001, 3600)


def declared(env: Environment) -> Declared:
    return Declared("notifications", env, {_MAIL: MailPolicy, "idempotency": IdempotencySettings})


@dataclass(frozen=True, kw_only=True)
class Settings(BaseSettings):
    """SMTP_URL is the mail server."""

    policies: ServicePolicies = field(default_factory=lambda: declared(Environment({})).common())
    mail: MailPolicy = field(default_factory=lambda: declared(Environment({})).table(_MAIL, MailPolicy))
    idempotency: IdempotencySettings = field(default_factory=IdempotencySettings)
    smtp_url: str

    @classmethod
    def from_environment(cls, env: Environment) -> Settings:
        found = declared(env)
        return cls(
            **base_arguments(env, "notifications"),
            smtp_url=env.url("SMTP_URL", scheme="smtp"),
            policies=found.common(),
            mail=found.table(_MAIL, MailPolicy),
            idempotency=found.table("idempotency", IdempotencySettings),
        )
