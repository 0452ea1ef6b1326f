"""The bank's own database."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from resilience.durable import idempotency_table
from storefront.shared.audit import Listed


class Base(DeclarativeBase):
    pass


KEYS = idempotency_table(Base.metadata)


class Transfer(Listed, Base):
    __tablename__ = "transfers"

    id: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    """`payment` or `refund`."""
    status: Mapped[str]
    """`accepted` or `declined`; final from the beginning."""
    amount_cents: Mapped[int]
    reference: Mapped[str]
    """What the payer wants to see on the statement: the order's id."""
