"""What the payments service reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass

from storefront.payments.policies import SWITCHES
from storefront.shared.base_settings import BaseSettings, base_arguments
from storefront.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class Settings(BaseSettings):
    """BANK_URL is where the bank is; POLICIES_OFF names what is switched off, see `policies.py`."""

    bank_url: str
    policies_off: frozenset[str] = frozenset()

    @classmethod
    def from_environment(cls, env: Environment) -> Settings:
        return cls(
            **base_arguments(env, "payments"),
            bank_url=env.url("BANK_URL", scheme="http"),
            policies_off=env.subset("POLICIES_OFF", known=SWITCHES),
        )
