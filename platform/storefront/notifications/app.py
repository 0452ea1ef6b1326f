"""The notifications service over HTTP."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from flask import Response, jsonify
from sqlalchemy import Connection, bindparam, insert, select, update

from resilience.durable import Claim, IdempotencyStore
from storefront.notifications.mail import Mailer, UndeliverableError
from storefront.notifications.models import KEYS, Base, Notification
from storefront.notifications.settings import Settings
from storefront.shared import audit
from storefront.shared.application import ServiceApp
from storefront.shared.bodies import Body, idempotency_key
from storefront.shared.database import Database, table_of, values_of
from storefront.shared.once import Once
from storefront.shared.problems import DependencyProblem, Problem

_SENT = update(table_of(Notification)).where(Notification.id == bindparam("row")).values(sent_at=bindparam("now"))
_RECORD = insert(table_of(Notification))
_SAME = select(Notification.id).where(Notification.idempotency_key == bindparam("key"))
_LINE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,200}"
_TEXT = r"[^\x00-\x08\x0b-\x1f\ud800-\udfff]{1,5000}"
_EMAIL = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}"


def create_app(settings: Settings, clock: Callable[[], float] = time.time) -> ServiceApp:
    """`POST /notifications` sends a mail, once per Idempotency-Key; 503 means: not sent yet, ask again.

    422 `undeliverable` means that asking again is of no use, until somebody has mended the mailbox.
    """
    database = Database(settings.database_url, Base.metadata, connections=settings.threads)
    app = ServiceApp("notifications", database, settings)
    mailer = Mailer(settings.smtp_url, settings.mail.deadline)
    app.closers.append(mailer.close)

    once = Once(IdempotencyStore(KEYS, settings.idempotency, clock), database)
    app.keep(once)

    @app.post("/notifications")
    def notify() -> Response:
        wanted, fingerprint = _wanted(clock())
        claim = Claim(scope="POST /notifications", key=wanted.idempotency_key, fingerprint=fingerprint)
        # Nobody else sends this mail while the claim is good, however often it is asked for.
        mine = once.begin(claim, lambda connection: _known_or_new(connection, wanted))
        if isinstance(mine, Response):
            return mine
        try:
            mailer.send(wanted.recipient, wanted.subject, wanted.text, wanted.id)
        except UndeliverableError as refusal:
            once.abandon(claim, mine)  # so that the same key sends it when the mailbox is mended
            raise Problem(422, "undeliverable", str(refusal)) from None
        except OSError as error:
            once.abandon(claim, mine)
            raise DependencyProblem("mail", f"The mail server did not take it: {type(error).__name__}") from None
        wanted.sent_at = clock()
        response = jsonify(_notification(wanted))
        response.status_code = 201
        sent = {"row": wanted.id, "now": wanted.sent_at}
        return once.finish(claim, mine, response, lambda connection: connection.execute(_SENT, sent))

    @app.get("/notifications/<notification_id>")
    def read(notification_id: str) -> Response:
        with database.read() as session:
            row = session.scalar(select(Notification).where(Notification.id == notification_id))
        if row is None:
            raise Problem(404, "no-such-notification", "There is no notification with this id")
        return jsonify(_notification(row))

    audit.register(app, database, "notifications", Notification, _notification)
    return app


def _wanted(now: float) -> tuple[Notification, str]:
    key, body = idempotency_key(), Body()
    wanted = Notification(
        id=uuid.uuid4().hex,
        idempotency_key=key,
        recipient=body.text("recipient", _EMAIL, "an email address"),
        subject=body.text("subject", _LINE, "one line of 1 to 200 characters"),
        text=body.text("text", _TEXT, "1 to 5000 characters"),
        reference=body.text("reference", r"[A-Za-z0-9._-]{1,64}", "1 to 64 letters, digits, . _ or -"),
        created_at=now,
        sent_at=None,
    )
    return wanted, body.fingerprint()


def _known_or_new(connection: Connection, wanted: Notification) -> None:
    """A mail that could not be sent before keeps its id, so that a mailbox can tell that it is the same."""
    known = connection.scalar(_SAME, {"key": wanted.idempotency_key})
    if known is not None:
        wanted.id = known
    else:
        connection.execute(_RECORD, values_of(wanted))


def _notification(row: Notification) -> dict[str, object]:
    return {
        "id": row.id,
        "recipient": row.recipient,
        "subject": row.subject,
        "reference": row.reference,
        "sent": row.sent_at is not None,
        "created_at": row.created_at,
    }
