"""What the inventory service reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass

from storefront.shared.base_settings import BaseSettings, base_arguments
from storefront.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class Settings(BaseSettings):
    """INITIAL_STOCK is what each product of the catalogue starts with."""

    initial_stock: int = 1_000_000

    @classmethod
    def from_environment(cls, env: Environment) -> Settings:
        env.subset("POLICIES_OFF", known=())
        return cls(
            **base_arguments(env, "inventory"),
            initial_stock=env.integer("INITIAL_STOCK", 1_000_000, low=0, high=100_000_000),
        )
