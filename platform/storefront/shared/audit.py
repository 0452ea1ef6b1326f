"""Listings of everything a service holds, page by page, for whoever checks that the services agree with each other."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from flask import Flask, Response, jsonify, request
from sqlalchemy import BigInteger, Integer, select
from sqlalchemy.orm import Mapped, mapped_column

from storefront.shared.database import Database
from storefront.shared.problems import Problem

MOST = 1000
"""Items on a page."""
_LARGEST = 2**53
_WHOLE = re.compile(r"[0-9]{1,16}")
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")


class Listed:
    """Columns of a table that can be listed: `seq` is the order of arrival, and the cursor."""

    # As large as a cursor can be; a number is used up also by an insert that fails. SQLite counts in INTEGER only.
    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    created_at: Mapped[float] = mapped_column(index=True)
    """Unix seconds."""


Row = TypeVar("Row", bound=Listed)


def register(
    app: Flask, database: Database, name: str, table: type[Row], view: Callable[[Row], dict[str, object]]
) -> None:
    """`GET /audit/{name}?since=&after=&limit=`: items created since that Unix time, after that cursor.

    The answer is `{"items": [...], "next": cursor}`; `next` is null on the last page.
    """

    def listing() -> Response:
        since, after, limit = _number("since", 0.0), _whole("after", 0), _whole("limit", MOST, low=1, high=MOST)
        wanted = select(table).where(table.created_at >= since, table.seq > after).order_by(table.seq).limit(limit)
        # A row that appeared behind the cursor later would never be listed.
        with database.listing(table) as session:
            rows = session.scalars(wanted).all()
        return jsonify(items=[view(row) for row in rows], next=rows[-1].seq if len(rows) == limit else None)

    app.add_url_rule(f"/audit/{name}", f"audit_{name}", listing)


# Neither takes a float before it is known to be within: the first numbers above the largest would be rounded to it.
def _number(name: str, default: float) -> float:
    text = request.args.get(name, str(default))
    value = Decimal(text) if _NUMBER.fullmatch(text) else Decimal(-1)
    if not 0 <= value <= _LARGEST:
        raise _refused(name, "number", 0, _LARGEST)
    return float(value)


def _whole(name: str, default: int, *, low: int = 0, high: int = _LARGEST) -> int:
    text = request.args.get(name, str(default))
    value = int(text) if _WHOLE.fullmatch(text) else -1
    if not low <= value <= high:
        raise _refused(name, "whole number", low, high)
    return value


def _refused(name: str, kind: str, low: int, high: int) -> Problem:
    return Problem(422, "invalid-parameter", f"{name} must be a {kind} from {low} to {high}")
