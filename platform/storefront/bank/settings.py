"""What the bank reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass

from storefront.shared.base_settings import BaseSettings, base_arguments
from storefront.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class Settings(BaseSettings):
    """LIMIT_CENTS is the largest amount that is not declined."""

    limit_cents: int = 1_000_000

    @classmethod
    def from_environment(cls, env: Environment) -> Settings:
        env.subset("POLICIES_OFF", known=())
        return cls(
            **base_arguments(env, "bank"),
            limit_cents=env.integer("LIMIT_CENTS", 1_000_000, low=1, high=100_000_000),
        )
