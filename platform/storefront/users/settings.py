"""What the users service reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass, field

from storefront.shared.base_settings import BaseSettings, base_arguments
from storefront.shared.environment import Environment
from storefront.shared.policies import Declared, ServicePolicies


def declared(env: Environment) -> ServicePolicies:
    return Declared("users", env, {}).common()


@dataclass(frozen=True, kw_only=True)
class Settings(BaseSettings):
    """JWT_KEY signs tokens; TOKEN_SECONDS is how long one is good.

    The key has at least 32 characters, as RFC 7518 (3.2) asks for HS256.
    """

    policies: ServicePolicies = field(default_factory=lambda: declared(Environment({})))
    jwt_key: str = field(repr=False)
    token_seconds: int = 3600

    @classmethod
    def from_environment(cls, env: Environment) -> Settings:
        return cls(
            **base_arguments(env, "users"),
            policies=declared(env),
            jwt_key=env.secret("JWT_KEY", at_least=32),
            token_seconds=env.integer("TOKEN_SECONDS", 3600, low=1, high=86400),
        )
