"""The orders service's own database."""

from __future__ import annotations

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from resilience.durable import outbox_table, saga_table
from storefront.shared.audit import Listed


class Base(DeclarativeBase):
    pass


class Order(Listed, Base):
    """pending ──> confirmed | failed, both final."""

    __tablename__ = "orders"
    __table_args__ = (UniqueConstraint("user_id", "idempotency_key"),)

    id: Mapped[str] = mapped_column(unique=True)
    """Also the id of its saga and of its reservation, and the idempotency key of its charge."""
    user_id: Mapped[str]
    email: Mapped[str]
    client_key: Mapped[str]
    """The Idempotency-Key as the client sent it."""
    idempotency_key: Mapped[str | None]
    """The same while it stands for this order; None once a 503 has given it free."""
    fingerprint: Mapped[str]
    sku: Mapped[str]
    quantity: Mapped[int]
    card: Mapped[str]
    amount_cents: Mapped[int | None]
    """None until the price is known."""
    status: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str | None]
    """Why it failed; a key of `settlement.FAILURES`."""


SAGAS = saga_table(Base.metadata)
"""How far the settlement of each pending order has come; see `settlement.py`."""
OUTBOX = outbox_table(Base.metadata)
"""The mails that are owed."""
