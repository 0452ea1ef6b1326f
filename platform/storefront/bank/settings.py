"""What the bank reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass, field

from resilience.durable import IdempotencySettings
from storefront.shared.base_settings import BaseSettings, base_arguments
from storefront.shared.environment import Environment
from storefront.shared.policies import Declared, ServicePolicies


def declared(env: Environment) -> Declared:
    return Declared("bank", env, {"idempotency": IdempotencySettings})


@dataclass(frozen=True, kw_only=True)
class Settings(BaseSettings):
    """LIMIT_CENTS is the largest amount that is not declined."""

    policies: ServicePolicies = field(default_factory=lambda: declared(Environment({})).common())
    idempotency: IdempotencySettings = field(default_factory=IdempotencySettings)
    limit_cents: int = 1_000_000

    @classmethod
    def from_environment(cls, env: Environment) -> Settings:
        found = declared(env)
        return cls(
            **base_arguments(env, "bank"),
            policies=found.common(),
            idempotency=found.table("idempotency", IdempotencySettings),
            limit_cents=env.integer("LIMIT_CENTS", 1_000_000, low=1, high=100_000_000),
        )
