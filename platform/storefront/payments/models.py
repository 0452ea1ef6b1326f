"""The payments service's own database."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from storefront.shared.audit import Listed


class Base(DeclarativeBase):
    pass


class Movement(Listed, Base):
    """Money that moves: a charge, or the refund of one.

    pending ──> succeeded | declined       final: what the bank said
       │ ▲
       ▼ │ the key comes again
    abandoned                              the bank was provably not reached for this key
    """

    __tablename__ = "movements"

    id: Mapped[str] = mapped_column(unique=True)
    """Also the idempotency key that the bank sees."""
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    fingerprint: Mapped[str]
    kind: Mapped[str]
    """`payment` or `refund`, as the bank calls it."""
    refund_of: Mapped[str | None] = mapped_column(index=True)
    order_id: Mapped[str]
    amount_cents: Mapped[int]
    card: Mapped[str]
    status: Mapped[str]
    attempt: Mapped[int]
    """Who drives it now: counts up with each claim, so that an overtaken attempt cannot decide any more."""
    leased_until: Mapped[float]
    """Unix seconds; until then the claim is good."""
    in_doubt: Mapped[bool]
    """An earlier attempt may have reached the bank, so that only the bank's own answer is an end."""
