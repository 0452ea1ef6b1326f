"""What notifications reads of the mail that orders owes: the body that the outbox stores and the relay posts."""

import time

import pytest
from aiosmtpd.controller import Controller
from pact import match

from storefront.notifications import app as notifications
from storefront.notifications.settings import Settings
from storefront.shared.environment import Environment
from windtunnel.stack.ports import reserve_port

pytestmark = pytest.mark.contract


class Mailbox:
    """Keeps what the mail server was given."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.mails.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 OK"


@pytest.fixture
def mailbox():
    reserved, box = reserve_port(), Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=reserved.port)
    server.start()
    box.url = f"smtp://127.0.0.1:{reserved.port}"
    yield box
    server.stop()
    reserved.release()


@pytest.fixture
def notify(mailbox, tmp_path):
    """Hands an event to the real service, and says what it answers."""
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/notifications.db", "SMTP_URL": mailbox.url}
    app = notifications.create_app(Settings.from_environment(Environment(env)), clock=time.time)
    yield lambda mail: app.test_client().post("/notifications", json=mail, headers={"Idempotency-Key": "event-1"})
    app.close()


def test_event_becomes_the_mail(drafts, notify, mailbox):
    """Recipient, subject, text and what it is about: all of them are read, and a field more would be refused."""
    draft = drafts.new("notifications", "orders")
    mail = {
        "recipient": match.regex("ann@storefront.example", regex=r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}"),
        "subject": match.regex("Your order pact is confirmed", regex=r"[^\x00-\x1f]{1,200}"),
        "text": match.regex("Thank you.", regex=r"[^\x00-\x08]{1,5000}"),
        "reference": match.regex("pact-order", regex=r"[A-Za-z0-9._-]{1,64}"),
    }
    draft.upon_receiving("the mail of a confirmed order", "Async").given("an order was confirmed").with_body(
        mail, "application/json"
    )
    answers = []
    drafts.heard(draft, lambda event: answers.append(notify(event)))

    assert [answer.status_code for answer in answers] == [201]
    ((recipients, text),) = mailbox.mails
    assert recipients == ["ann@storefront.example"]
    assert "Subject: Your order pact is confirmed" in text
