"""What the orders service reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass

from storefront.orders.policies import SWITCHES
from storefront.shared.base_settings import BaseSettings, base_arguments
from storefront.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class Settings(BaseSettings):
    """USERS_URL, INVENTORY_URL, PAYMENTS_URL, NOTIFICATIONS_URL; POLICIES_OFF names what is switched off."""

    users_url: str
    inventory_url: str
    payments_url: str
    notifications_url: str
    policies_off: frozenset[str] = frozenset()

    @classmethod
    def from_environment(cls, env: Environment) -> Settings:
        return cls(
            **base_arguments(env, "orders"),
            users_url=env.url("USERS_URL", scheme="http"),
            inventory_url=env.url("INVENTORY_URL", scheme="http"),
            payments_url=env.url("PAYMENTS_URL", scheme="http"),
            notifications_url=env.url("NOTIFICATIONS_URL", scheme="http"),
            policies_off=env.subset("POLICIES_OFF", known=SWITCHES),
        )
