"""The notifications service over HTTP."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from flask import Response, jsonify
from sqlalchemy import bindparam, select, update

from storefront.notifications.mail import Mailer
from storefront.notifications.models import Base, Notification
from storefront.notifications.settings import Settings
from storefront.shared import audit
from storefront.shared.application import ServiceApp
from storefront.shared.bodies import Body, check_same_payload, idempotency_key
from storefront.shared.database import Database, table_of
from storefront.shared.problems import DependencyProblem, Problem

_SENT = update(table_of(Notification)).where(Notification.id == bindparam("row")).values(sent_at=bindparam("now"))
_LINE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,200}"
_TEXT = r"[^\x00-\x08\x0b-\x1f\ud800-\udfff]{1,5000}"
_EMAIL = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}"


def create_app(settings: Settings, clock: Callable[[], float] = time.time) -> ServiceApp:
    """`POST /notifications` sends a mail, once per Idempotency-Key; 503 means: not sent yet, ask again."""
    database = Database(settings.database_url, Base.metadata, connections=settings.threads)
    app = ServiceApp("notifications", database, settings)
    mailer = Mailer(settings.smtp_url, settings.mail.deadline)
    app.closers.append(mailer.close)

    @app.post("/notifications")
    def notify() -> tuple[Response, int]:
        row = _known_or_new(database, _wanted(clock()))
        if row.sent_at is None:
            try:
                mailer.send(row.recipient, row.subject, row.text, row.id)
            except OSError as error:
                raise DependencyProblem("mail", f"The mail server did not take it: {type(error).__name__}") from None
            _mark_sent(database, row, clock())
        return jsonify(_notification(row)), 201

    @app.get("/notifications/<notification_id>")
    def read(notification_id: str) -> Response:
        with database.read() as session:
            row = session.scalar(select(Notification).where(Notification.id == notification_id))
        if row is None:
            raise Problem(404, "no-such-notification", "There is no notification with this id")
        return jsonify(_notification(row))

    audit.register(app, database, "notifications", Notification, _notification)
    return app


def _wanted(now: float) -> Notification:
    key, body = idempotency_key(), Body()
    return Notification(
        id=uuid.uuid4().hex,
        idempotency_key=key,
        recipient=body.text("recipient", _EMAIL, "an email address"),
        subject=body.text("subject", _LINE, "one line of 1 to 200 characters"),
        text=body.text("text", _TEXT, "1 to 5000 characters"),
        reference=body.text("reference", r"[A-Za-z0-9._-]{1,64}", "1 to 64 letters, digits, . _ or -"),
        fingerprint=body.fingerprint(),
        created_at=now,
        sent_at=None,
    )


def _known_or_new(database: Database, wanted: Notification) -> Notification:
    if database.add(wanted):
        return wanted
    same_key = Notification.idempotency_key == wanted.idempotency_key
    with database.read() as session:
        known = session.scalars(select(Notification).where(same_key)).one()
    check_same_payload(known.fingerprint, wanted.fingerprint)
    return known


def _mark_sent(database: Database, row: Notification, now: float) -> None:
    row.sent_at = now
    with database.write() as session:
        session.execute(_SENT, {"row": row.id, "now": now})


def _notification(row: Notification) -> dict[str, object]:
    return {
        "id": row.id,
        "recipient": row.recipient,
        "subject": row.subject,
        "reference": row.reference,
        "sent": row.sent_at is not None,
        "created_at": row.created_at,
    }
