"""What the inventory service reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass, field

from storefront.shared.base_settings import BaseSettings, base_arguments
from storefront.shared.environment import Environment
from storefront.shared.policies import Declared, ServicePolicies


def declared(env: Environment) -> ServicePolicies:
    return Declared("inventory", env, {}).common()


@dataclass(frozen=True, kw_only=True)
class Settings(BaseSettings):
    """INITIAL_STOCK is what each product of the catalogue starts with."""

    policies: ServicePolicies = field(default_factory=lambda: declared(Environment({})))
    initial_stock: int = 1_000_000

    @classmethod
    def from_environment(cls, env: Environment) -> Settings:
        return cls(
            **base_arguments(env, "inventory"),
            policies=declared(env),
            initial_stock=env.integer("INITIAL_STOCK", 1_000_000, low=0, high=100_000_000),
        )
