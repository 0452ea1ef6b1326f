"""Hands mails to the mail server over SMTP."""

from __future__ import annotations

import smtplib
from email.mime.text import MIMEText
from urllib.parse import urlsplit

_SENDER = "orders@storefront.example"
_MOST_IDLE = 4


class UndeliverableError(Exception):
    """The mail server says that it will never take this mail, or not for this recipient (RFC 5321, 4.2.1: 5yz)."""


class Mailer:
    """Keeps connections for the next mail. `timeout` is in seconds for each step; None waits for ever."""

    def __init__(self, url: str, timeout: float | None) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._timeout = parts.hostname or "", parts.port or 25, timeout
        self._idle: list[smtplib.SMTP] = []

    def send(self, recipient: str, subject: str, text: str, message_id: str) -> None:
        """Returns when the server has taken it.

        Raises `UndeliverableError` when it never will, OSError (`smtplib.SMTPException` is one) when it has not.
        """
        # MIMEText costs a quarter of EmailMessage. The addresses and the subject were checked: none has a line break.
        message = MIMEText(text, "plain", "utf-8")
        message["From"], message["To"], message["Subject"] = _SENDER, recipient, subject
        # Stays the same when the mail is sent again, so that a mailbox can tell.
        message["Message-ID"] = f"<{message_id}@storefront.example>"
        kept = self._take()
        try:
            try:
                self._hand_over(kept or self._connect(), recipient, message)
            except smtplib.SMTPServerDisconnected:
                if kept is None:
                    raise
                # It was closed while nobody used it.
                self._hand_over(self._connect(), recipient, message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as refusal:
            code = _code(refusal)
            if 500 <= code < 600:
                raise UndeliverableError(f"The mail server refuses this mail for good: {code}") from None
            raise

    def close(self) -> None:
        """Hang up."""
        while (kept := self._take()) is not None:
            kept.close()

    def _take(self) -> smtplib.SMTP | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect(self) -> smtplib.SMTP:
        # Naming this side spares a look-up of its own host name, which can take seconds.
        smtp = smtplib.SMTP(local_hostname="localhost", timeout=self._timeout)  # type: ignore[arg-type]
        try:
            smtp.connect(self._host, self._port)
        except OSError:
            smtp.close()
            raise
        return smtp

    def _hand_over(self, smtp: smtplib.SMTP, recipient: str, message: MIMEText) -> None:
        try:
            smtp.sendmail(_SENDER, [recipient], message.as_bytes())
        except OSError:
            smtp.close()
            raise
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(smtp)
        else:
            smtp.close()


def _code(refusal: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) -> int:
    """What was said of the one recipient, or of the mail itself.

    A refusal of the sender or of the greeting is about this service, and is mended without another mail.
    """
    if isinstance(refusal, smtplib.SMTPDataError):
        return refusal.smtp_code
    ((code, _),) = refusal.recipients.values()
    return code
