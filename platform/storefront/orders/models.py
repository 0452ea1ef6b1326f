"""The orders service's own database."""

from __future__ import annotations

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from storefront.shared.audit import Listed


class Base(DeclarativeBase):
    pass


class Order(Listed, Base):
    """pending ──> confirmed | failed, both final."""

    __tablename__ = "orders"
    __table_args__ = (UniqueConstraint("user_id", "idempotency_key"),)

    id: Mapped[str] = mapped_column(unique=True)
    """Also the id of its reservation and the idempotency key of its charge."""
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
    attempt: Mapped[int]
    """Who settles it now: counts up with each claim, so that an overtaken attempt cannot decide any more."""
    due_at: Mapped[float]
    """Unix seconds from which on the finisher may claim it."""
    charge_begun: Mapped[bool]
    """From here on only payments' own answer can end it."""
    request_id: Mapped[str]


class Errand(Base):
    """The outbox: something owed to another service, written in the transaction that made it so."""

    __tablename__ = "outbox"

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    """The idempotency key that the other service sees."""
    kind: Mapped[str] = mapped_column(index=True)
    """`mail` or `release`."""
    order_id: Mapped[str]
    attempts: Mapped[int]
    due_at: Mapped[float]
    """Unix seconds from which on it is tried (again)."""
    done: Mapped[bool] = mapped_column(index=True)
