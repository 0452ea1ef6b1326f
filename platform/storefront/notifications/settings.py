"""What the notifications service reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass

from storefront.shared.base_settings import BaseSettings, base_arguments
from storefront.shared.environment import Environment

MAIL_TIMEOUT = 1.0
"""Seconds for each step of the talk with the mail server; shorter than what orders' relay waits for us."""


@dataclass(frozen=True, kw_only=True)
class Settings(BaseSettings):
    """SMTP_URL is the mail server; POLICIES_OFF may name `mail.deadline`."""

    smtp_url: str
    mail_timeout: float | None = MAIL_TIMEOUT
    """None waits for ever."""

    @classmethod
    def from_environment(cls, env: Environment) -> Settings:
        off = env.subset("POLICIES_OFF", known=("mail.deadline",))
        return cls(
            **base_arguments(env, "notifications"),
            smtp_url=env.url("SMTP_URL", scheme="smtp"),
            mail_timeout=None if "mail.deadline" in off else MAIL_TIMEOUT,
        )
