"""The notifications service's own database."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from resilience.durable import idempotency_table
from storefront.shared.audit import Listed


class Base(DeclarativeBase):
    pass


KEYS = idempotency_table(Base.metadata)


class Notification(Listed, Base):
    __tablename__ = "notifications"

    id: Mapped[str] = mapped_column(unique=True)
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    recipient: Mapped[str]
    subject: Mapped[str]
    text: Mapped[str]
    reference: Mapped[str]
    """What it is about: the order's id."""
    sent_at: Mapped[float | None]
    """Unix seconds; None until the mail server has taken it."""
