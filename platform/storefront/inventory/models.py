"""The inventory service's own database, and the catalogue it begins with."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from storefront.shared.audit import Listed
from storefront.shared.database import Database, insert_new


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "products"

    sku: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    price_cents: Mapped[int]
    initial: Mapped[int]
    available: Mapped[int]


class Reservation(Listed, Base):
    __tablename__ = "reservations"

    id: Mapped[str] = mapped_column(unique=True)
    """Chosen by whoever reserves; an order's id."""
    sku: Mapped[str | None]
    """None for a tombstone: released before it was ever reserved."""
    quantity: Mapped[int]
    status: Mapped[str]
    """`held` or `released`. Released is final."""


CATALOGUE = {
    "MUG-01": ("Enamel mug", 1200),
    "TEE-02": ("T-shirt", 2500),
    "CAP-03": ("Cap", 1800),
    "BAG-04": ("Canvas bag", 2200),
    "PEN-05": ("Fountain pen", 4900),
    "PAD-06": ("Notebook", 900),
    "LMP-07": ("Desk lamp", 7900),
    "CLK-08": ("Wall clock", 5600),
    "MAP-09": ("Star map", 3400),
    "KIT-10": ("Repair kit", 6100),
}


def seed(database: Database, stock: int) -> None:
    """Put the catalogue in, where it is not in yet."""
    with database.write() as connection:
        for sku, (name, price) in CATALOGUE.items():
            row = {"sku": sku, "name": name, "price_cents": price, "initial": stock, "available": stock}
            connection.execute(insert_new(Product), row)  # another instance may be doing the same
