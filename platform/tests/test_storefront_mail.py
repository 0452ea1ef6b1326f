"""What notifications makes of a mail server's answers: taken, not now, or never. The mail server is a real one."""

import pytest
from aiosmtpd.controller import Controller

from storefront.notifications import app as notifications
from storefront.notifications.settings import Settings
from storefront.shared.environment import Environment
from windtunnel.stack.ports import reserve_port

MAIL = {"recipient": "ann@shop.example", "subject": "Hello", "text": "Hello", "reference": "order-1"}


class Mailbox:
    """Says what it is told to at each step of the talk."""

    def __init__(self):
        self.says = {}

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's
        envelope.mail_from = address
        return self.says.get("MAIL", "250 OK")

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's
        envelope.rcpt_tos.append(address)
        return self.says.get("RCPT", "250 OK")

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's
        return self.says.get("DATA", "250 OK")


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
    """Asks the real service, with one key; says status and kind of problem."""
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/notifications.db", "SMTP_URL": mailbox.url}
    app = notifications.create_app(Settings.from_environment(Environment(env)))

    def ask(**more):
        answer = app.test_client().post("/notifications", json={**MAIL, **more}, headers={"Idempotency-Key": "k"})
        return answer.status_code, answer.json.get("type", "").rpartition(":")[2]

    yield ask
    app.close()


NEVER, NOT_NOW = (422, "undeliverable"), (503, "dependency-unavailable")


@pytest.mark.parametrize(
    ("step", "reply", "answered"),
    [
        ("RCPT", "550 5.1.1 No such mailbox", NEVER),
        ("RCPT", "553 5.1.3 Bad address", NEVER),
        ("DATA", "554 5.6.0 Content refused", NEVER),
        ("RCPT", "450 4.2.1 Mailbox busy", NOT_NOW),
        ("RCPT", "452 4.2.2 Mailbox full", NOT_NOW),
        ("DATA", "451 4.3.0 Local error", NOT_NOW),
        ("MAIL", "550 5.7.1 Sender refused", NOT_NOW),
    ],
)
def test_what_is_refused_for_good_is_not_asked_for_again(mailbox, notify, step, reply, answered):
    """4yz: come again. 5yz about the mail or its recipient: never (RFC 5321, 4.2.1). About the sender: ours to mend."""
    mailbox.says[step] = reply

    assert notify() == answered


@pytest.mark.parametrize("reply", ["550 5.1.1 No such mailbox", "450 4.2.1 Mailbox busy"])
def test_the_same_key_sends_the_mail_when_the_mailbox_is_mended(mailbox, notify, reply):
    """So that a parked message can be let go again."""
    mailbox.says["RCPT"] = reply
    notify()
    mailbox.says.clear()

    assert notify() == (201, "")
    assert notify() == (201, "")


def test_a_mail_that_is_refused_for_good_is_refused_each_time(mailbox, notify):
    """The talk is over after a refusal, so the next mail begins another; it is not the broken connection that shows."""
    mailbox.says["DATA"] = "554 5.6.0 Content refused"

    assert [notify(), notify()] == [NEVER, NEVER]
