"""What the payments service reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass, field

from storefront.shared.base_settings import BaseSettings, base_arguments
from storefront.shared.environment import Environment
from storefront.shared.policies import Declared, ServicePolicies, edges


def declared(env: Environment) -> Declared:
    """`problem_details` off: a dependency's failure becomes a bare 500."""
    return Declared("payments", env, edges("payments", "bank"), also=("problem_details",))


@dataclass(frozen=True, kw_only=True)
class Settings(BaseSettings):
    """BANK_URL is where the bank is."""

    policies: ServicePolicies = field(default_factory=lambda: declared(Environment({})).common())
    bank_url: str
    policies_off: frozenset[str] = frozenset()

    @classmethod
    def from_environment(cls, env: Environment) -> Settings:
        found = declared(env)
        return cls(
            **base_arguments(env, "payments"),
            bank_url=env.url("BANK_URL", scheme="http"),
            policies=found.common(),
            policies_off=found.off,
        )
