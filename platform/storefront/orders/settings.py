"""What the orders service reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass, field

from resilience.durable import OutboxSettings, SagaSettings
from storefront.shared.base_settings import BaseSettings, base_arguments
from storefront.shared.environment import Environment
from storefront.shared.policies import Declared, ServicePolicies, edges

SWITCHES = ("idempotency", "charge_key", "compensation", "outbox", "problem_details", "database_limit")
"""What POLICIES_OFF may name besides the policies of `policies.toml`:

`idempotency`      a repeated Idempotency-Key makes a second order
`charge_key`       every attempt at payments carries a new key
`compensation`     stock stays held when an order fails
`outbox`           the mail is sent while the client waits
`problem_details`  a dependency's failure, and the database's, becomes a bare 500
`database_limit`   a PostgreSQL server that does not answer is waited for without end
"""
_PEERS = ("users", "inventory", "payments", "notifications")


def declared(env: Environment) -> Declared:
    tables = {**edges("orders", *_PEERS), "saga": SagaSettings, "outbox": OutboxSettings}
    return Declared("orders", env, tables, also=SWITCHES)


@dataclass(frozen=True, kw_only=True)
class Settings(BaseSettings):
    """USERS_URL, INVENTORY_URL (one or more, with commas), PAYMENTS_URL, NOTIFICATIONS_URL: where the others are."""

    policies: ServicePolicies = field(default_factory=lambda: declared(Environment({})).common())
    saga: SagaSettings = field(default_factory=SagaSettings)
    outbox: OutboxSettings = field(default_factory=OutboxSettings)
    users_url: str
    inventory_urls: tuple[str, ...]
    payments_url: str
    notifications_url: str
    policies_off: frozenset[str] = frozenset()

    @classmethod
    def from_environment(cls, env: Environment) -> Settings:
        found = declared(env)
        return cls(
            **base_arguments(env, "orders"),
            users_url=env.url("USERS_URL", scheme="http"),
            inventory_urls=env.urls("INVENTORY_URL", scheme="http"),
            payments_url=env.url("PAYMENTS_URL", scheme="http"),
            notifications_url=env.url("NOTIFICATIONS_URL", scheme="http"),
            policies=found.common(),
            saga=found.table("saga", SagaSettings),
            outbox=found.table("outbox", OutboxSettings),
            policies_off=found.off,
        )
