"""The bank's own database."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from storefront.shared.audit import Listed


class Base(DeclarativeBase):
    pass


class Transfer(Listed, Base):
    __tablename__ = "transfers"

    id: Mapped[str] = mapped_column(unique=True)
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    fingerprint: Mapped[str]
    kind: Mapped[str]
    """`payment` or `refund`."""
    status: Mapped[str]
    """`accepted` or `declined`; final from the beginning."""
    amount_cents: Mapped[int]
    reference: Mapped[str]
    """What the payer wants to see on the statement: the order's id."""
